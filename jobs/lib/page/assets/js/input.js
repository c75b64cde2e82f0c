// How the market's chart is moved and read: by the pointer, where ECharts does most, and by keys.

/** @param {Market} market */
function listen(market) {
  const { chart, root } = market, zr = chart.getZr();
  chart.on("datazoom", () => market.zoomed());
  chart.on("updateAxisPointer", (/** @type {any} */ e) => {
    const x = (e.axesInfo ?? []).find((/** @type {any} */ axis) => axis.axisDim === "x");
    market.at = x ? x.value : null;
    market.readOut();
  });
  zr.on("globalout", () => { if (document.activeElement !== root) market.point(null); });
  zr.on("dblclick", () => market.look(market.home[0], market.home[1]));
  zr.on("click", () => root.focus({ preventScroll: true }));
  // without Ctrl the wheel moves the page, until the chart has the focus
  const wheel = (/** @type {boolean | string} */ how) => { if (market.bars) chart.setOption({ dataZoom: [{ id: "inside", zoomOnMouseWheel: how }] }); };
  root.addEventListener("focus", () => wheel(true));
  root.addEventListener("blur", () => { wheel("ctrl"); market.point(null); });
  root.addEventListener("keydown", (e) => {
    const act = market.bars && !e.ctrlKey && !e.metaKey && !e.altKey && actions(market, e.shiftKey ? 10 : 1)[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!act) return;
    e.preventDefault();
    act();
  });
}

/** What each key does; arrows go `step` bars. @param {Market} market @param {number} step @returns {Record<string, () => void>} */
function actions(market, step) {
  const [from, to] = market.window(), span = to - from, at = market.at ?? to;
  const closer = (/** @type {number} */ factor) => () => market.look(at - (at - from) * factor, at + (to - at) * factor);
  const mark = (/** @type {number} */ way) => () => {
    const slot = [...market.marksAt.keys()].sort((p, q) => (p - q) * way).find((k) => (k - at) * way > 0);
    if (slot !== undefined) market.point(slot, true);
  };
  return {
    ArrowLeft: () => market.point(market.at === null ? to : at - step, true), ArrowRight: () => market.point(at + step, true),
    Home: () => market.point(from, true), End: () => market.point(to, true), Escape: () => market.point(null), n: mark(1), p: mark(-1),
    "+": closer(0.7), "=": closer(0.7), "-": closer(1.4), "0": () => market.look(market.home[0], market.home[1]),
    PageUp: () => market.look(from - span, from), PageDown: () => market.look(to, to + span),
  };
}
