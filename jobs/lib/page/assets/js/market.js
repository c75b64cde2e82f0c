// The market's chart: candles, volume, RSI and MACD over one axis of bars. It is looked at, moved, zoomed, read
// by mouse, finger and keys.

/** Panes from above: their part of the height, and the kinds of columns in them. */
const PANES = [
  { id: "price", part: 3.4, kinds: ["line", "upper", "lower"] }, { id: "volume", part: 0.75, kinds: ["v"] },
  { id: "rsi", part: 0.75, kinds: ["rsi"] }, { id: "macd", part: 0.9, kinds: ["macd", "signal", "histogram"] },
];
/** Colours and forms of lines over candles, by turn. @type {[string, "solid"|"dashed"|"dotted"][]} */
const TURNS = [["--a", "solid"], ["--b", "dashed"], ["--c", "solid"], ["--accent", "dotted"], ["--a", "dotted"], ["--c", "dashed"], ["--b", "dotted"], ["--accent", "dashed"]];
/** Room below the panes: words of the axis, the overview. */
const FOOT = 24, OVERVIEW = 44, AXIS = 78;

/** @typedef {{t: number, frame: string, kind: string, way: number, level: string, name: string, text: string, slot?: number}} Event */
/** @param {{kind: string, way: number}} event */
const sign = (event) => event.kind === "anomaly" ? "◆" : event.way > 0 ? "▲" : "▼";

class Market {
  /** @param {HTMLElement} root @param {() => void} moved */
  constructor(root, moved) {
    this.root = root;
    this.moved = moved;
    this.chart = chartIn(byId("chart-plot"));
    /** @type {Bars | null} */ this.bars = null;
    /** @type {any} */ this.symbol = null;
    this.frame = "";
    /** @type {Set<string>} */ this.shows = new Set();
    /** @type {Map<number, Event[]>} */ this.eventsAt = new Map();
    /** @type {number | null} */ this.at = null;
    this.home = [0, 1];
    this.scale = 1;
    this.reads = PANES.map(({ id }) => root.appendChild(el("div", { class: "read", id: `read-${id}` })));
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute("aria-roledescription", "chart");
    this.listen();
    new ResizeObserver(() => this.bars && this.draw(...this.window())).observe(root);
    drawn.add(() => this.bars && this.draw(...this.window()));
  }

  /** Shows bars from `from` to `to`. @param {Bars} bars @param {any} symbol @param {string} frame @param {Event[]} events @param {number} from @param {number} to */
  set(bars, symbol, frame, events, from, to) {
    Object.assign(this, { bars, symbol, frame, at: null, home: [from, to] });
    this.eventsAt.clear();
    for (const event of events.filter((e) => e.frame === frame)) {
      const slot = slotOf(bars, event.t);
      if (slot >= 0) this.eventsAt.set(slot, [...(this.eventsAt.get(slot) ?? []), event]);
    }
    this.draw(from, to);
    this.moved();
  }

  /** The first and the last bar in view. @returns {[number, number]} */
  window() {
    const n = /** @type {Bars} */ (this.bars).n, { startValue, endValue } = this.zoom ?? { startValue: 0, endValue: n - 1 };
    return [startValue, endValue];
  }

  /** What there is of the kinds of a pane, and switched on. @param {string[]} kinds */
  lines(kinds) {
    return /** @type {Bars} */ (this.bars).indicators.filter((i) => kinds.includes(i.kind) && this.shows.has(i.group));
  }

  /** @param {number} from @param {number} to */
  draw(from, to) {
    this.scale = this.level(from, to);
    const b = /** @type {Bars} */ (this.bars), height = this.root.clientHeight, option = paint(DATA.charts.market);
    const there = PANES.map(({ id, kinds }) => id === "price" || (id === "volume" ? this.shows.has("Volume") : this.lines(kinds).length > 0));
    this.zoom = { startValue: from, endValue: to };
    this.readOut();
    const whole = PANES.reduce((sum, { part }, i) => sum + (there[i] ? part : 0), 0), room = height - FOOT - OVERVIEW - 6;
    const lowest = there.lastIndexOf(true);
    let top = 0;
    PANES.forEach((_, i) => this.reads[i].hidden = !there[i]);
    PANES.forEach(({ part }, i) => {
      const tall = there[i] ? room * part / whole : 0, inset = this.reads[i].offsetHeight + 5, x = option.xAxis[i], y = option.yAxis[i];
      Object.assign(option.grid[i], { top: top + Math.min(inset, tall), height: Math.max(0, tall - inset - 5) });
      this.reads[i].style.top = `${top + 3}px`;
      timeAxis(x, b.t, () => this.marked());
      x.show = y.show = there[i];
      x.axisLabel.show = i === lowest;
      x.splitLine.interval = x.axisLabel.interval;
      x.axisPointer.label.show = i === lowest;
      x.axisPointer.label.formatter = (/** @type {any} */ p) => when.bar(Number(p.value), b.step);
      top += tall;
    });
    const unit = 10 ** this.symbol.volumeDigits;
    /** @type {((v: number) => string)[]} */
    const words = [(v) => this.short(v), (v) => say.compact(v / unit), (v) => v.toFixed(0), (v) => v ? this.price(v) : "0"];
    // some air around the extremes, which are not marked themselves
    const air = (/** @type {number} */ k) => (/** @type {{min: number, max: number}} */ { min, max }) => (k > 0 ? max : min) + k * (max - min || Math.abs(max) || 1);
    const apart = (/** @type {number} */ way) => (/** @type {{min: number, max: number}} */ { min, max }) => way * 1.08 * (Math.max(-min, max) || 1);
    const ends = [[air(-0.05), air(0.05)], [0, air(0.04)], [0, 100], [apart(-1), apart(1)]];
    PANES.forEach((_, i) => {
      const y = option.yAxis[i];
      [y.min, y.max] = ends[i];
      y.axisLabel.formatter = words[i];
      y.axisPointer.label.formatter = (/** @type {any} */ p) => i === 0 ? this.price(p.value) : words[i](p.value);
      if (i < 2) Object.assign(y.axisLabel, { showMinLabel: false, showMaxLabel: false });
    });
    if (this.shows.has("Log")) {
      const [low, high] = [b.l, b.h].map((column, k) => column.reduce((m, v) => v > 0 ? (k ? Math.max(m, v) : Math.min(m, v)) : m, k ? 1 : Infinity));
      Object.assign(option.yAxis[0], { type: "log", min: air(0), max: air(0) });
      Object.assign(option.yAxis[0].axisLabel, { customValues: roundRatios(low, high, 80), hideOverlap: true });
      option.yAxis[0].splitLine.show = false;
    }
    Object.assign(option.dataZoom[0], { startValue: from, endValue: to, zoomOnMouseWheel: document.activeElement === this.root || "ctrl", moveOnMouseWheel: false, preventDefaultMouseMove: false });
    Object.assign(option.dataZoom[1], this.overview(from, to, height));
    option.tooltip.showContent = false;
    option.textStyle = { fontFamily: FONT };
    Object.assign(option, this.figures(option.series));
    this.chart.setOption(option, { notMerge: true });
    const { n } = b;
    this.root.setAttribute("aria-label", `${this.symbol.symbol} ${this.frame}: ${say.whole(n - b.gaps.reduce((sum, g) => sum + g[1], 0))} bars from ${when.bar(b.t[0], b.step)} to ${when.bar(b.t[n - 1], b.step)}; the arrow keys read them`);
  }

  /** @param {number} from @param {number} to @param {number} height */
  overview(from, to, height) {
    const line = { color: ink("--muted"), width: 1 }, none = { opacity: 0 };
    return {
      startValue: from, endValue: to, top: height - OVERVIEW, height: OVERVIEW - 2, showDetail: false, showDataShadow: true, throttle: 20,
      dataBackground: { lineStyle: line, areaStyle: none }, selectedDataBackground: { lineStyle: { ...line, color: ink("--accent") }, areaStyle: none },
      handleStyle: { color: ink("--accent"), borderWidth: 0 }, handleSize: "60%", moveHandleSize: 0,
      emphasis: { handleStyle: { color: ink("--accent"), borderWidth: 0 } },
    };
  }

  /** Bars a pixel, as a power of two: with it changes what is drawn. @param {number} from @param {number} to */
  level(from, to) {
    return 2 ** Math.ceil(Math.log2((to - from + 1) / Math.max(100, this.root.clientWidth - AXIS)));
  }

  /** What is drawn at this scale. Candles are a dataset: those of a series ECharts puts one a place.
   * @param {any[]} series */
  figures(series) {
    const b = /** @type {Bars} */ (this.bars), up = ink("--up"), down = ink("--down"), n = b.n, per = Math.max(1, this.scale);
    const [candles, gaps, volume, events] = series;
    const close = b.c[n - 1], rises = close >= b.o[n - 1];
    Object.assign(candles, {
      datasetIndex: 0, encode: { x: 0, y: [1, 2, 3, 4] },
      large: true, largeThreshold: 700, progressive: 0, barMaxWidth: 15,
      itemStyle: { color: ink("--surface"), color0: down, borderColor: up, borderColor0: down, borderColorDoji: up },
      emphasis: { disabled: true },
      markLine: {
        silent: true, symbol: "none", animation: false, lineStyle: { color: rises ? up : down, type: "dotted", width: 1 }, data: [{ yAxis: close }],
        label: { position: "end", distance: 1, formatter: () => this.short(close), color: ink("--surface"), backgroundColor: rises ? up : down, padding: [3, 6], fontSize: 11 },
      },
    });
    const missing = b.gaps.flatMap(([slot, many]) => Array.from({ length: many }, (_, k) => [slot + k, 1]));
    Object.assign(gaps, { data: missing, barCategoryGap: 0, silent: true, large: true, itemStyle: { color: hatch() }, z: 0 });
    const both = (/** @type {any} */ of, /** @type {Float64Array} */ values, /** @type {(i: number) => boolean} */ rising, /** @type {string} */ id) =>
      [true, false].map((way) => ({
        ...of, id: `${id}-${way ? "up" : "down"}`, data: greatest(values, per, (i) => rising(i) === way), barGap: "-100%", barCategoryGap: "30%", barMaxWidth: 22,
        silent: true, large: true, itemStyle: { color: ink(way ? "--up-soft" : "--down-soft") },
      }));
    const out = [candles, gaps];
    if (this.shows.has("Volume")) out.push(...both(volume, b.v, (i) => b.c[i] >= b.o[i], "volume"));
    const make = DATA.charts.lines;
    let turn = 0;
    for (const { kind, label, values } of this.lines(["line", "rsi", "macd", "signal", "histogram"])) {
      if (kind === "histogram") { out.push(...both(paint(make.histogram), values, (i) => values[i] >= 0, "histogram")); continue; }
      const line = { ...paint(make[kind]), id: label, name: label, data: lasts(values, per) };
      if (kind === "line") { const [color, type] = TURNS[turn++ % TURNS.length]; Object.assign(line.lineStyle, { color: ink(color), type }); }
      if (kind === "rsi") line.markArea = { silent: true, itemStyle: { color: ink("--band") }, data: [[{ yAxis: 30 }, { yAxis: 70 }]] };
      out.push(line);
    }
    const [lower] = this.lines(["lower"]), [upper] = this.lines(["upper"]);
    if (lower && upper) {
      out.push({ ...paint(make.lower), id: "band-lower", data: lasts(lower.values, per) });
      out.push({ ...paint(make.upper), id: "band-upper", data: lasts(upper.values.map((v, i) => v - lower.values[i]), per) });
    }
    if (this.shows.has("Events")) out.push(Object.assign(events, this.marks()));
    return { dataset: [{ source: strokes(b, per), sourceHeader: false }], series: out };
  }

  /** Anomalies are diamonds above their bar; signals triangles, below a bar when they point up. */
  marks() {
    const b = /** @type {Bars} */ (this.bars), data = [], room = 10 * this.scale, near = [-Infinity, -Infinity];
    for (const [slot, list] of [...this.eventsAt].sort((p, q) => p[0] - q[0])) {
      let above = -10, below = 10;
      for (const e of list) {
        const over = e.kind === "anomaly" || e.way < 0, side = over ? 1 : 0;
        // signals that would cover each other give way; an anomaly never does
        if (e.kind === "signal") { if (slot - near[side] < room) continue; near[side] = slot; }
        data.push({
          value: [slot, over ? b.h[slot] : b.l[slot]], symbol: e.kind === "anomaly" ? "diamond" : "triangle", symbolRotate: e.way < 0 ? 180 : 0,
          symbolSize: e.level === "high" ? 11 : 8, symbolOffset: [0, over ? above : below], itemStyle: { opacity: 1, color: ink(e.kind === "anomaly" ? "--b" : over ? "--down" : "--up") },
        });
        if (over) above -= 11; else below += 11;
      }
    }
    return { data, silent: true, z: 5, clip: true };
  }

  /** What the time axis is marked for: first and last bar in view, and its width.
   * @returns {[number, number, number]} */
  marked() {
    const width = this.root.clientWidth - AXIS, n = /** @type {Bars} */ (this.bars).n;
    const at = (/** @type {number} */ x) => Math.max(0, Math.min(n - 1, Math.round(this.chart.convertFromPixel({ xAxisIndex: 0 }, x))));
    return [at(1), at(width - 1), width];
  }

  /** Looks at other bars. @param {number} from @param {number} to */
  look(from, to) {
    const n = /** @type {Bars} */ (this.bars).n, span = Math.max(12, Math.min(n - 1, Math.round(to - from)));
    const first = Math.max(0, Math.min(n - 1 - span, Math.round(from)));
    this.chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, startValue: first, endValue: first + span });
  }

  /** Zooms by a factor around a bar. @param {number} factor @param {number} around */
  closer(factor, around) {
    const [from, to] = this.window();
    this.look(around - (around - from) * factor, around + (to - around) * factor);
  }

  price(/** @type {number} */ v) { return say.price(v, this.symbol.digits); }
  /** A price for the axis: exact, but no longer than it must be. @param {number} v */
  short(v) {
    const { digits } = this.symbol;
    return digits <= 4 && Math.abs(v) >= 20000 * 10 ** digits ? say.whole(Math.round(v / 10 ** digits)) : this.price(v);
  }

  /** The figures of a bar above each pane: of the one that is pointed at, else of the last in view. */
  readOut() {
    const b = /** @type {Bars} */ (this.bars), i = this.at ?? this.window()[1], there = !Number.isNaN(b.c[i]);
    const item = (/** @type {string} */ name, /** @type {string} */ value, /** @type {string} */ style = "") => el("span", { class: style }, name && name + " ", el("var", {}, value));
    const key = (/** @type {string} */ name, /** @type {number} */ v, /** @type {string} */ colour, /** @type {string} */ form, words = this.price(v)) =>
      el("span", {}, el("i", { style: { borderColor: `var(${colour})`, borderTopStyle: form } }), name + " ", el("var", {}, Number.isNaN(v) ? "–" : words));
    let before = i - 1;
    while (before >= 0 && Number.isNaN(b.c[before])) before--;
    const change = there && before >= 0 ? 100 * (b.c[i] / b.c[before] - 1) : NaN;
    const [lower] = this.lines(["lower"]), [upper] = this.lines(["upper"]);
    this.reads[0].replaceChildren(
      el("b", {}, `${this.symbol.symbol} ${this.frame}`), el("span", {}, when.bar(b.t[i], b.step)),
      ...(there ? [item("O", this.price(b.o[i])), item("H", this.price(b.h[i])), item("L", this.price(b.l[i])), item("C", this.price(b.c[i]))] : [el("span", {}, "no bar")]),
      ...(Number.isNaN(change) ? [] : [item("", say.percent(change), change >= 0 ? "up" : "down")]),
      ...this.lines(["line"]).map(({ label, values }, k) => key(label, values[i], ...TURNS[k % TURNS.length])),
      ...(lower && upper && !Number.isNaN(lower.values[i]) ? [item("Bollinger", `${this.price(lower.values[i])} … ${this.price(upper.values[i])}`)] : []),
      ...(this.shows.has("Events") ? (this.eventsAt.get(i) ?? []).map((e) => el("b", {}, `${sign(e)} ${e.name}`)) : []));
    const volume = b.v[i] / 10 ** this.symbol.volumeDigits;
    this.reads[1].replaceChildren(item("Volume", Number.isNaN(volume) ? "–" : `${say.compact(volume)} ${this.symbol.unit}`));
    this.reads[2].replaceChildren(...this.lines(["rsi"]).map(({ label, values }) => key(label, values[i], "--c", "solid", values[i].toFixed(1))));
    this.reads[3].replaceChildren(...this.lines(["macd", "signal"]).map(({ kind, label, values }) => kind === "macd" ? key(label, values[i], "--accent", "solid") : key(label, values[i], "--a", "dashed")));
  }

  /** A bar in words. @param {number} i */
  words(i) {
    const b = /** @type {Bars} */ (this.bars), time = when.bar(b.t[i], b.step);
    if (Number.isNaN(b.c[i])) return `${time}: no bar`;
    const events = (this.eventsAt.get(i) ?? []).map((e) => `${e.name}, ${e.text}`).join("; ");
    return `${time}: open ${this.price(b.o[i])}, high ${this.price(b.h[i])}, low ${this.price(b.l[i])}, close ${this.price(b.c[i])}, volume ${say.compact(b.v[i] / 10 ** this.symbol.volumeDigits)}. ${events}`;
  }

  /** Moves the cross to a bar; the view comes along. @param {number | null} slot @param {boolean} [aloud] */
  point(slot, aloud = false) {
    const b = this.bars;
    if (!b) return;
    if (slot === null) {
      this.at = null;
      this.chart.dispatchAction({ type: "hideTip" });
      this.chart.dispatchAction({ type: "updateAxisPointer", currTrigger: "leave" });
      return this.readOut();
    }
    this.at = Math.max(0, Math.min(b.n - 1, slot));
    const [from, to] = this.window(), span = to - from;
    if (this.at < from) this.look(this.at - span * 0.1, this.at + span * 0.9);
    else if (this.at > to) this.look(this.at - span * 0.9, this.at + span * 0.1);
    const at = this.at;
    this.chart.dispatchAction({ type: "showTip", x: this.chart.convertToPixel({ xAxisIndex: 0 }, at), y: 60 });
    this.at = at;
    this.readOut();
    if (aloud) tell(this.words(at));
  }

  listen() {
    const { chart, root } = this;
    chart.on("datazoom", () => {
      const { startValue, endValue } = chart.getModel().getComponent("dataZoom", 0).option;
      this.zoom = { startValue, endValue };
      if (this.level(startValue, endValue) !== this.scale) {
        this.scale = this.level(startValue, endValue);
        chart.setOption(this.figures(paint(DATA.charts.market.series)));
      }
      this.readOut();
      this.moved();
    });
    chart.on("updateAxisPointer", (/** @type {any} */ e) => {
      const x = (e.axesInfo ?? []).find((/** @type {any} */ axis) => axis.axisDim === "x");
      this.at = x ? x.value : null;
      if (this.bars) this.readOut();
    });
    chart.getZr().on("globalout", () => { if (document.activeElement !== root) this.point(null); });
    chart.getZr().on("dblclick", () => this.look(this.home[0], this.home[1]));
    chart.getZr().on("click", () => root.focus({ preventScroll: true }));
    const wheel = (/** @type {boolean | string} */ how) => { if (this.bars) chart.setOption({ dataZoom: [{ id: "inside", zoomOnMouseWheel: how }] }); };
    root.addEventListener("focus", () => wheel(true));
    root.addEventListener("blur", () => { wheel("ctrl"); this.point(null); });
    root.addEventListener("keydown", (e) => this.key(e));
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey || !this.bars) return;
    const [from, to] = this.window(), span = to - from, at = this.at ?? to, step = e.shiftKey ? 10 : 1;
    const event = (/** @type {number} */ way) => {
      const slot = [...this.eventsAt.keys()].sort((p, q) => (p - q) * way).find((k) => (k - at) * way > 0);
      if (slot !== undefined) this.point(slot, true);
    };
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.point(this.at === null ? to : at - step, true), ArrowRight: () => this.point(at + step, true),
      Home: () => this.point(from, true), End: () => this.point(to, true),
      "+": () => this.closer(0.7, at), "=": () => this.closer(0.7, at), "-": () => this.closer(1.4, at), "0": () => this.look(this.home[0], this.home[1]),
      PageUp: () => this.look(from - span, from), PageDown: () => this.look(to, to + span), Escape: () => this.point(null),
      n: () => event(1), p: () => event(-1),
    };
    const act = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!act) return;
    e.preventDefault();
    act();
  }
}

/** Candles as ECharts takes them: place, open, close, low, high. Where many share a pixel, one stands for all of
 * them: the first open, the last close, the extremes. @param {Bars} b @param {number} per */
function strokes(b, per) {
  const out = [];
  for (let i = 0; i < b.n; i += per) {
    let o = NaN, c = NaN, l = Infinity, h = -Infinity;
    for (let k = i; k < Math.min(b.n, i + per); k++) {
      if (Number.isNaN(b.c[k])) continue;
      if (Number.isNaN(o)) o = b.o[k];
      c = b.c[k];
      if (b.l[k] < l) l = b.l[k];
      if (b.h[k] > h) h = b.h[k];
    }
    if (!Number.isNaN(o)) out.push([Math.min(b.n - 1, i + (per >> 1)), o, c, l, h]);
  }
  return out;
}

/** Of the values that share a pixel the greatest, either way, if it `is` one of these. @param {Float64Array} values @param {number} per
 * @param {(i: number) => boolean} is */
function greatest(values, per, is) {
  const out = [];
  for (let i = 0; i < values.length; i += per) {
    let most = i;
    for (let k = i + 1; k < Math.min(values.length, i + per); k++) if (!(Math.abs(values[most]) >= Math.abs(values[k]))) most = k;
    if (is(most) && !Number.isNaN(values[most])) out.push([Math.min(values.length - 1, i + (per >> 1)), values[most]]);
  }
  return out;
}

/** Of the values that share a pixel the last. @param {Float64Array} values @param {number} per */
function lasts(values, per) {
  const out = [];
  for (let i = 0; i < values.length; i += per) out.push([Math.min(values.length - 1, i + (per >> 1)), values[Math.min(values.length - 1, i + per - 1)]]);
  return out;
}

/** The place of a time, or -1. @param {Bars} bars @param {number} time */
function slotOf(bars, time) {
  const i = placeOf(bars.t, time);
  return bars.t[i] === time ? i : -1;
}

/** A slanted hatch: here are no bars. */
function hatch() {
  const canvas = document.createElement("canvas"), g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  canvas.width = canvas.height = 6;
  g.strokeStyle = ink("--line");
  for (const d of [-6, 0, 6]) { g.moveTo(d, 6); g.lineTo(d + 6, 0); }
  g.stroke();
  return { image: canvas, repeat: "repeat" };
}
