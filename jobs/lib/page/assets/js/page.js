// Puts the page together: what is chosen, and what follows from it.

/** A range: its length in days, and the bars that suit it, the best first. @type {Record<string, [number, string[]]>} */
const RANGES = {
  "1D": [1, ["1m", "5m", "15m", "1h"]], "1W": [7, ["1h", "15m", "5m", "1m"]], "1M": [30, ["1h", "4h", "1d", "1m"]], "3M": [91, ["1d", "4h", "1h"]], "1Y": [365, ["1d", "1w", "1h"]], "All": [1e9, ["1d", "1w", "1h"]],
};
const state = { symbol: DATA.symbols[0], frame: "", range: "1Y", kind: "all" };
const framesOf = (/** @type {any} */ symbol) => symbol.frames.map((/** @type {any} */ f) => f[0]);
/** The bars for a range: those that suit it, else the first there are. @param {string} range */
const frameFor = (range) => RANGES[range][1].find((f) => framesOf(state.symbol).includes(f)) ?? framesOf(state.symbol)[0];

/** All that hangs on a chosen symbol. */
function marketOf() {
  const market = new Market(byId("chart"), () => moved()), shows = new Set(["SMA", "Volume", "RSI", "MACD", "Events"]);
  market.shows = shows;
  let timer = 0;
  const view = () => {
    const b = market.bars;
    if (!b || market.symbol !== state.symbol) return { symbol: state.symbol, from: -Infinity, to: Infinity };
    const [from, to] = market.window();
    return { symbol: state.symbol, from: b.t[from], to: b.t[to] };
  };
  /** @type {(() => void)[]} */ let follow = [];
  const moved = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => { for (const draw of follow) soon(draw); barsTable(); }, 80);
  };
  /** @type {() => Mark[]} */
  const events = () => state.symbol.events.map((/** @type {any[]} */ [t, frame, kind, way, level, name, text]) => ({ t, frame, kind, way, level, name, text }));

  /** Loads what is chosen and looks at it; `at` is a time to point at. @param {number | null} [at] */
  async function go(at = null) {
    const { symbol, frame, range } = state, wait = el("div", { class: "wait", role: "status" }, "Loading bars");
    const slow = setTimeout(() => byId("chart").append(wait), 120);
    try {
      const bars = await barsOf(symbol, frame);
      if (symbol !== state.symbol || frame !== state.frame || range !== state.range) return;
      const last = bars.n - 1, span = Math.min(last, RANGES[range][0] * DAY / bars.step);
      market.set(bars, symbol, frame, events(), Math.max(0, Math.round(last - span)), last);
      if (!byId("chart").dataset.ready) performance.mark("market");
      byId("chart").dataset.ready = `${symbol.symbol}/${frame}`;
      byId("chart").dataset.points = String(bars.n);
      toggles();
      if (at !== null) market.point(slotOf(bars, at), true);
    } catch (error) {
      byId("read-price").textContent = error instanceof Error ? error.message : String(error);
      byId("read-price").hidden = false;
      tell(String(error));
      throw error;
    } finally { clearTimeout(slow); wait.remove(); }
  }

  const pressRange = choose("ranges", Object.keys(RANGES).map((k) => [k, k]), state.range, (key) => { state.range = key; state.frame = frameFor(key); pressFrame(state.frame); go(); });
  /** @type {(key: string) => void} */ let pressFrame = () => {};
  const frames = () => {
    pressFrame = choose("frames", framesOf(state.symbol).map((/** @type {string} */ f) => [f, f]), state.frame, (key) => {
      state.frame = key;
      // a range that would be a few bars, or too many to tell apart, gives way
      const step = state.symbol.frames.find((/** @type {any} */ f) => f[0] === key)[1], bars = (/** @type {string} */ r) => RANGES[r][0] * DAY / step;
      const fits = (/** @type {string} */ r) => bars(r) >= 20 && bars(r) <= 3000;
      if (!fits(state.range)) { state.range = Object.keys(RANGES).find(fits) ?? "All"; pressRange(state.range); }
      go();
    });
  };

  const toggles = () => {
    const there = [...new Set((market.bars?.indicators ?? []).map((i) => i.group)), "Volume", "Events", "Log"];
    const button = (/** @type {string} */ g) => el("button", {
      type: "button", "aria-pressed": String(shows.has(g)), onclick: (/** @type {MouseEvent} */ e) => {
        if (!shows.delete(g)) shows.add(g);
        /** @type {HTMLElement} */ (e.currentTarget).setAttribute("aria-pressed", String(shows.has(g)));
        market.draw(...market.window());
      },
    }, g);
    byId("shows").replaceChildren(...there.map(button));
  };

  const list = () => {
    const shown = events().filter((e) => state.kind === "all" || e.kind === state.kind).reverse();
    if (!shown.length) return empty("events", state.symbol.events.length ? "None of this kind." : `None found in the bars of ${state.symbol.symbol}.`);
    byId("events").replaceChildren(...shown.slice(0, 400).map((e) => el("li", {}, el("button", {
      type: "button", onclick: () => {
        if (e.frame === state.frame && market.bars) return market.point(slotOf(market.bars, e.t), true);
        if (!framesOf(state.symbol).includes(e.frame)) return tell(`No bars of ${e.frame} here.`);
        state.frame = e.frame;
        frames();
        go(e.t);
      },
    }, el("span", { class: `sign ${e.kind} ${e.way > 0 ? "up" : e.way < 0 ? "down" : ""}`, "aria-hidden": "true" }, sign(e)), el("span", {}, e.name), el("time", {}, when.day(e.t)), el("small", {}, e.level ? `${e.text} (${e.level})` : e.text)))));
  };
  choose("event-kinds", [["all", "All"], ["anomaly", "Anomalies"], ["signal", "Signals"]], "all", (key) => { state.kind = key; list(); });

  function barsTable() {
    const box = /** @type {HTMLDetailsElement} */ (byId("bars-table")), b = market.bars;
    if (!box.open || !b) return;
    const [from, to] = market.window(), p = (/** @type {number} */ v) => market.price(v), rows = [], lines = b.indicators;
    for (let i = to; i >= from && rows.length < 500; i--) if (!Number.isNaN(b.c[i])) rows.push([when.bar(b.t[i], b.step), p(b.o[i]), p(b.h[i]), p(b.l[i]), p(b.c[i]), say.price(b.v[i], state.symbol.volumeDigits), ...lines.map(({ kind, values: v }) => Number.isNaN(v[i]) ? "–" : kind === "rsi" ? v[i].toFixed(1) : p(v[i]))]);
    /** @type {HTMLElement} */ (box.querySelector(".scroll")).replaceChildren(table(["Start", ">Open", ">High", ">Low", ">Close", ">Volume", ...lines.map((i) => `>${i.label}`)], rows));
  }
  byId("bars-table").addEventListener("toggle", barsTable);
  const daysTable = () => {
    const box = /** @type {HTMLDetailsElement} */ (byId("days-table")), { symbol } = state, [days, months] = box.querySelectorAll(".scroll");
    if (!box.open) return;
    const volume = (/** @type {number} */ v) => say.price(v, symbol.volumeDigits);
    days.replaceChildren(table(["Day", ">Close", ">Change", ">Volume"], [...symbol.days].reverse().map(([t, close, change, v]) => [when.iso(t), say.price(close, symbol.digits), change === null ? "–" : say.percent(change / 1e4), volume(v)])));
    months.replaceChildren(table(["Month", ">Volume"], [...symbol.months].reverse().map(([t, v]) => [when.month(t), volume(v)])));
  };
  byId("days-table").addEventListener("toggle", daysTable);

  const tabs = () => byId("symbols").replaceChildren(...DATA.symbols.map((/** @type {any} */ s) => {
    const days = s.days.slice(-60), last = days[days.length - 1], change = last?.[2] ?? null, low = Math.min(...days.map((/** @type {any} */ d) => d[1])), high = Math.max(...days.map((/** @type {any} */ d) => d[1]));
    const path = days.map((/** @type {any} */ d, /** @type {number} */ i) => `${i ? "L" : "M"}${(2 + 80 * i / Math.max(1, days.length - 1)).toFixed(1)} ${(31 - 28 * (d[1] - low) / (high - low || 1)).toFixed(1)}`).join("");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 84 34"); svg.setAttribute("aria-hidden", "true"); line.setAttribute("d", path); svg.append(line);
    return el("button", {
      type: "button", role: "radio", "aria-checked": String(s === state.symbol), tabindex: s === state.symbol ? "0" : "-1", "data-symbol": s.symbol, onclick: () => pick(s),
      onkeydown: (/** @type {KeyboardEvent} */ e) => { const way = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowLeft: -1 })[e.key], all = DATA.symbols; if (way) { e.preventDefault(); pick(all[(all.indexOf(s) + way + all.length) % all.length], true); } },
    }, el("span", {}, el("b", {}, s.symbol), " ", el("small", {}, s.market)), svg, el("span", { class: "now" }, last ? say.price(last[1], s.digits) : "no bars", " ", change !== null && el("small", { class: change >= 0 ? "up" : "down" }, `${change >= 0 ? "▲" : "▼"} ${Math.abs(change / 1e4).toFixed(2)} %`)));
  }));

  /** @param {any} symbol @param {boolean} [focus] */
  async function pick(symbol, focus = false) {
    state.symbol = symbol;
    if (!framesOf(symbol).includes(state.frame)) state.frame = frameFor(state.range);
    tabs();
    const tab = /** @type {HTMLElement} */ (byId("symbols").querySelector("[aria-checked=true]"));
    if (focus) tab.focus(); else tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    frames();
    list();
    daysTable();
    if (state.frame) await go(); else empty("chart", `No bars of ${symbol.symbol} yet.`);
    soon(months);
  }
  const first = pick(state.symbol);
  let months = () => {};
  first.then(() => { follow = dayPlots(view); months = monthPlot(view); });
}

theme();
sections();
if (DATA.symbols.length) marketOf();
else {
  byId("bench").className = "heat";
  empty("bench", "No bars yet: gold makes them from what silver has. Type cargo xtask local run.");
  for (const id of ["symbols", "plots", "days-table"]) byId(id).hidden = true;
}
soon(() => coverage(DATA.coverage));
soon(checks);
if (DATA.runs.length) soon(() => runPlots(DATA.runs)); else byId("run-plots").hidden = true;
