// The market's chart: candles, volume, RSI and MACD over one axis of bars; what it shows and where it looks.

/** Panes from above: their part of the height, and the kinds of columns in them. */
const PANES = [
  { id: "price", part: 3.4, kinds: ["line", "upper", "lower"] }, { id: "volume", part: 0.75, kinds: ["v"] },
  { id: "rsi", part: 0.75, kinds: ["rsi"] }, { id: "macd", part: 0.9, kinds: ["macd", "signal", "histogram"] },
];
/** Colours and forms of lines over candles, by turn. @type {[string, "solid"|"dashed"|"dotted"][]} */
const TURNS = [["--a", "solid"], ["--b", "dashed"], ["--c", "solid"], ["--accent", "dotted"], ["--a", "dotted"], ["--c", "dashed"], ["--b", "dotted"], ["--accent", "dashed"]];
/** Room below the panes: words of the axis, the overview. */
const FOOT = 24, OVERVIEW = 44, AXIS = 78;

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
    /** @type {Map<number, Mark[]>} */ this.marksAt = new Map();
    /** @type {number | null} */ this.at = null;
    this.home = [0, 1];
    this.scale = 1;
    this.from = this.to = 0;
    this.reads = PANES.map(({ id }) => root.appendChild(el("div", { class: "read", id: `read-${id}` })));
    root.tabIndex = 0;
    root.setAttribute("role", "application");
    root.setAttribute("aria-roledescription", "chart");
    listen(this);
    new ResizeObserver(() => this.bars && this.draw(...this.window())).observe(root);
    drawn.add(() => this.bars && this.draw(...this.window()));
  }

  /** Shows bars from `from` to `to`. @param {Bars} bars @param {any} symbol @param {string} frame @param {Mark[]} marks @param {number} from @param {number} to */
  set(bars, symbol, frame, marks, from, to) {
    Object.assign(this, { bars, symbol, frame, at: null, home: [from, to] });
    this.marksAt.clear();
    for (const mark of marks) {
      const slot = slotOf(bars, mark.t);
      if (mark.frame === frame && slot >= 0) this.marksAt.set(slot, [...this.marksOf(slot), mark]);
    }
    this.draw(from, to);
    this.moved();
  }

  /** @param {number} slot @returns {Mark[]} */
  marksOf(slot) { return this.marksAt.get(slot) ?? []; }

  /** The first and the last bar in view. @returns {[number, number]} */
  window() { return [this.from, this.to]; }

  /** What there is of the kinds of a pane, and switched on. @param {string[]} kinds */
  lines(kinds) {
    return /** @type {Bars} */ (this.bars).indicators.filter((i) => kinds.includes(i.kind) && this.shows.has(i.group));
  }

  /** @param {number} from @param {number} to */
  draw(from, to) {
    this.scale = this.level(from, to);
    const b = /** @type {Bars} */ (this.bars), height = this.root.clientHeight, option = paint(DATA.charts.market);
    const there = PANES.map(({ id, kinds }) => id === "price" || (id === "volume" ? this.shows.has("Volume") : this.lines(kinds).length > 0));
    Object.assign(this, { from, to });
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
    });
    if (this.shows.has("Log")) {
      const [low, high] = [b.l, b.h].map((column, k) => column.reduce((m, v) => v > 0 ? (k ? Math.max(m, v) : Math.min(m, v)) : m, k ? 1 : Infinity));
      Object.assign(option.yAxis[0], { type: "log", min: "dataMin", max: "dataMax" });
      Object.assign(option.yAxis[0].axisLabel, { customValues: roundRatios(low, high, 80), hideOverlap: true });
      option.yAxis[0].splitLine.show = false;
    }
    Object.assign(option.dataZoom[0], { startValue: from, endValue: to, zoomOnMouseWheel: document.activeElement === this.root || "ctrl" });
    Object.assign(option.dataZoom[1], { startValue: from, endValue: to, top: height - OVERVIEW, height: OVERVIEW - 2 });
    option.textStyle = { fontFamily: FONT };
    Object.assign(option, this.figures(option.series));
    this.chart.setOption(option, { notMerge: true });
    this.root.setAttribute("aria-label", `${this.symbol.symbol} ${this.frame}: ${say.whole(b.n - b.gaps.reduce((sum, g) => sum + g[1], 0))} bars from ${when.bar(b.t[0], b.step)} to ${when.bar(b.t[b.n - 1], b.step)}; the arrow keys read them`);
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
    const close = b.c[n - 1], colour = close >= b.o[n - 1] ? up : down;
    candles.markLine = {
      silent: true, symbol: "none", lineStyle: { color: colour, type: "dotted", width: 1 }, data: [{ yAxis: close }],
      label: { position: "end", distance: 1, formatter: () => this.short(close), color: ink("--surface"), backgroundColor: colour, padding: [3, 6], fontSize: 11 },
    };
    const missing = b.gaps.flatMap(([slot, many]) => Array.from({ length: many }, (_, k) => [slot + k, 1]));
    Object.assign(gaps, { data: missing, itemStyle: { color: hatch() } });
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
    for (const [slot, list] of [...this.marksAt].sort((p, q) => p[0] - q[0])) {
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
    return { data };
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

  /** The view has moved: what is drawn follows. */
  zoomed() {
    const { startValue, endValue } = this.chart.getModel().getComponent("dataZoom", 0).option, scale = this.level(startValue, endValue);
    Object.assign(this, { from: startValue, to: endValue });
    if (scale !== this.scale) {
      this.scale = scale;
      this.chart.setOption(this.figures(paint(DATA.charts.market.series)));
    }
    this.readOut();
    this.moved();
  }

  price(/** @type {number} */ v) { return say.price(v, this.symbol.digits); }
  /** A price for the axis: exact, but no longer than it must be. @param {number} v */
  short(v) {
    const { digits } = this.symbol;
    return digits <= 4 && Math.abs(v) >= 20000 * 10 ** digits ? say.whole(Math.round(v / 10 ** digits)) : this.price(v);
  }

  /** Tells of the bar that is pointed at, else of the last in view. */
  readOut() {
    if (this.bars) figuresOf(this, this.at ?? this.to);
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
    if (aloud) tell(sentenceOf(this, at));
  }
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
