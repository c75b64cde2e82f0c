// What the market's chart says of a bar: figures above each pane, a sentence for those who listen.

/** Something found in a bar: an anomaly or a signal.
 * @typedef {{t: number, frame: string, kind: string, way: number, level: string, name: string, text: string}} Mark */
/** @param {Mark} mark */
const sign = (mark) => mark.kind === "anomaly" ? "◆" : mark.way > 0 ? "▲" : "▼";

/** The figures of bar `i` above the panes. @param {Market} market @param {number} i */
function figuresOf(market, i) {
  const b = /** @type {Bars} */ (market.bars), { symbol, frame, reads } = market, there = !Number.isNaN(b.c[i]);
  const item = (/** @type {string} */ name, /** @type {string} */ value, style = "") => el("span", { class: style }, name && name + " ", el("var", {}, value));
  const key = (/** @type {Indicator} */ { label, values }, /** @type {string} */ colour, /** @type {string} */ form, words = market.price(values[i])) =>
    el("span", {}, el("i", { style: { borderColor: `var(${colour})`, borderTopStyle: form } }), label + " ", el("var", {}, Number.isNaN(values[i]) ? "–" : words));
  let before = i - 1;
  while (before >= 0 && Number.isNaN(b.c[before])) before--;
  const change = there && before >= 0 ? 100 * (b.c[i] / b.c[before] - 1) : NaN;
  const [lower] = market.lines(["lower"]), [upper] = market.lines(["upper"]), volume = b.v[i] / 10 ** symbol.volumeDigits;
  const prices = /** @type {[string, Float64Array][]} */ ([["O", b.o], ["H", b.h], ["L", b.l], ["C", b.c]]);
  reads[0].replaceChildren(
    el("b", {}, `${symbol.symbol} ${frame}`), el("span", {}, when.bar(b.t[i], b.step)),
    ...(there ? prices.map(([name, values]) => item(name, market.price(values[i]))) : [el("span", {}, "no bar")]),
    ...(Number.isNaN(change) ? [] : [item("", say.percent(change), change >= 0 ? "up" : "down")]),
    ...market.lines(["line"]).map((line, k) => key(line, ...TURNS[k % TURNS.length])),
    ...(lower && upper && !Number.isNaN(lower.values[i]) ? [item("Bollinger", `${market.price(lower.values[i])} … ${market.price(upper.values[i])}`)] : []),
    ...(market.shows.has("Events") ? market.marksOf(i).map((m) => el("b", {}, `${sign(m)} ${m.name}`)) : []));
  reads[1].replaceChildren(item("Volume", Number.isNaN(volume) ? "–" : `${say.compact(volume)} ${symbol.unit}`));
  reads[2].replaceChildren(...market.lines(["rsi"]).map((line) => key(line, "--c", "solid", line.values[i].toFixed(1))));
  reads[3].replaceChildren(...market.lines(["macd", "signal"]).map((line) => line.kind === "macd" ? key(line, "--accent", "solid") : key(line, "--a", "dashed")));
}

/** Bar `i` in words. @param {Market} market @param {number} i */
function sentenceOf(market, i) {
  const b = /** @type {Bars} */ (market.bars), time = when.bar(b.t[i], b.step), p = (/** @type {Float64Array} */ column) => market.price(column[i]);
  if (Number.isNaN(b.c[i])) return `${time}: no bar`;
  const marks = market.marksOf(i).map((m) => `${m.name}, ${m.text}`).join("; ");
  return `${time}: open ${p(b.o)}, high ${p(b.h)}, low ${p(b.l)}, close ${p(b.c)}, volume ${say.compact(b.v[i] / 10 ** market.symbol.volumeDigits)}. ${marks}`;
}
