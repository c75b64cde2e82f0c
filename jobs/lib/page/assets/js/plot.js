// Charts in general: ECharts draws them, this hands it options with the theme's colours, words for what is
// pointed at, and the keyboard.

const FONT = 'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** @type {any} */ const echarts = /** @type {any} */ (window).echarts;

/** Colours of the style sheet as a canvas takes them; asked anew when the theme changes.
 * @type {Map<string, string>} */
const inks = new Map();
/** @param {string} name such as --up */
function ink(name) {
  const known = inks.get(name);
  if (known) return known;
  const probe = byId("live");
  probe.style.outlineColor = `var(${name})`;
  const colour = getComputedStyle(probe).outlineColor;
  inks.set(name, colour);
  return colour;
}

/** A copy of an option in which names of colours are colours. @param {any} option @returns {any} */
function paint(option) {
  if (typeof option === "string") return option.startsWith("--") ? ink(option) : option;
  if (Array.isArray(option)) return option.map(paint);
  if (!option || typeof option !== "object") return option;
  return Object.fromEntries(Object.entries(option).map(([key, value]) => [key, paint(value)]));
}

/** What is drawn again when the theme changes. @type {Set<() => void>} */
const drawn = new Set();
function redraw() {
  inks.clear();
  for (const draw of drawn) draw();
}

/** Charts are made one after the other, so that the page answers in between. @type {(() => void)[]} */
const queue = [];
let busy = false;
function soon(/** @type {() => void} */ draw) {
  if (!queue.includes(draw)) queue.push(draw);
  if (busy) return;
  busy = true;
  const next = () => {
    queue.shift()?.();
    busy = queue.length > 0;
    if (busy) setTimeout(next);
  };
  setTimeout(next);
}

/** Makes a chart in an element, which it follows in size. @param {HTMLElement} node */
function chartIn(node) {
  const chart = echarts.init(node);
  new ResizeObserver(() => { if (node.clientWidth && node.clientWidth !== chart.getWidth() || node.clientHeight !== chart.getHeight()) chart.resize(); }).observe(node);
  return chart;
}

/** How a hint looks; its words are never parsed as HTML. @param {any} tooltip @param {(params: any) => string[]} words */
function hint(tooltip, words) {
  const formatter = (/** @type {any} */ params) => {
    const [title, ...rest] = words(Array.isArray(params) ? params[0] : params);
    return [el("b", { class: "tip" }, title), ...rest.map((line) => el("div", { class: "tip" }, line))];
  };
  const look = { confine: true, transitionDuration: 0, backgroundColor: ink("--ink"), borderWidth: 0, padding: [7, 10], className: "tips" };
  return { ...tooltip, ...look, textStyle: { color: ink("--bg"), fontSize: 12.5, fontFamily: FONT }, formatter };
}

/** What a chart is asked for: its option, how many points it has, the words of each, and what it shows in all.
 * @typedef {{option: any, many: number, words: (i: number) => string[], label: string, wide?: number, series?: number}} Shown */

/** A chart that is drawn when its turn comes, tells what is pointed at, by mouse, finger or arrow keys, and says
 * in words why it is empty. Gives the function that draws it anew.
 * @param {string} id @param {() => Shown | string} make */
function plot(id, make) {
  const node = byId(id);
  /** @type {any} */ let chart = null;
  /** @type {Shown | null} */ let shown = null;
  /** @type {number | null} */ let at = null;
  const draw = () => {
    const now = make();
    if (typeof now === "string") {
      chart?.dispose();
      chart = shown = null;
      for (const name of ["role", "tabindex", "aria-label"]) node.removeAttribute(name);
      node.dataset.points = "0";
      return empty(id, now);
    }
    if (!chart) { node.replaceChildren(); chart = chartIn(node); }
    shown = now;
    const { option } = now;
    if (option.tooltip) option.tooltip = hint(option.tooltip, (params) => now.words(params.dataIndex));
    option.textStyle = { fontFamily: FONT };
    chart.setOption(option, { notMerge: true });
    for (const [name, value] of [["role", "img"], ["tabindex", "0"], ["aria-label", `${now.label}; the arrow keys read it`]]) node.setAttribute(name, value);
    node.dataset.points = String(now.many);
  };
  const show = (/** @type {number | null} */ i) => {
    at = i;
    if (i === null) chart?.dispatchAction({ type: "hideTip" });
    else chart?.dispatchAction({ type: "showTip", seriesIndex: shown?.series ?? 0, dataIndex: i });
  };
  node.addEventListener("blur", () => show(null));
  node.addEventListener("keydown", (e) => {
    if (!shown || !shown.many) return;
    const many = shown.many, now = at ?? many, wide = shown.wide ?? 0;
    if (e.key === "Escape") return show(null);
    /** @type {Record<string, number>} */
    const to = { ArrowLeft: now - 1, ArrowRight: at === null ? 0 : now + 1, Home: 0, End: many - 1, ...(wide ? { ArrowUp: now - wide, ArrowDown: now + wide } : {}) };
    if (!(e.key in to)) return;
    e.preventDefault();
    const i = Math.max(0, Math.min(many - 1, to[e.key]));
    show(i);
    tell(shown.words(i).join(", "));
  });
  drawn.add(draw);
  soon(draw);
  return draw;
}
