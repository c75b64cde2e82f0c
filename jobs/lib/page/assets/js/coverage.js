// The heat map of coverage: a row for each series, a column for each day, or for several where there is no
// room. A state differs from the others in colour and in form, so that nobody has to tell them by hue.

/** What a letter of the data means, from best to worst. @type {Record<string, [string, string]>} */
const STATES = {
  x: ["outside", "not wanted"], a: ["available", "there and whole"], z: ["closed", "the venue is closed all day"], p: ["pending", "not due yet"],
  t: ["partial", "from the source's API, its archive is not there yet"], d: ["degraded", "there, not whole"], m: ["missing", "the source has none"], c: ["corrupt", "fetched, of no use"],
};
/** Of several days in one cell the worst is shown. */
const WORST = Object.keys(STATES).join("");
const ROW = 17, HEAD = 22, SPLIT = 7;

/** The shapes of a cell. @param {string} state @param {number} x @param {number} y @param {number} w @param {number} h @returns {any[]} */
function cell(state, x, y, w, h) {
  const rect = (/** @type {any} */ shape, /** @type {string} */ fill, opacity = 1) => ({ type: "rect", shape, style: { fill: ink(fill), opacity } });
  const all = { x, y, width: w, height: h }, colour = `--${STATES[state][0]}`, mid = { x: x + w / 2, y: y + h / 2 }, r = Math.min(w, h) * 0.28;
  switch (state) {
    case "x": return [];
    case "d": return [rect({ ...all, height: h * 0.42 }, colour, 0.35), rect({ ...all, y: y + h * 0.42, height: h * 0.58 }, colour)];
    case "t": return [rect(all, "--available", 0.45), rect({ ...all, y: y + h * 0.75, height: h * 0.25 }, "--available")];
    case "m": return [rect(all, colour), ...(w >= 5 ? [rect({ x: mid.x - r, y: mid.y - 0.75, width: 2 * r, height: 1.5 }, "--surface")] : [])];
    case "p": return [rect(all, colour), ...(w >= 4 ? [rect({ x: mid.x - 1, y: mid.y - 1, width: 2, height: 2 }, "--muted")] : [])];
    case "z": return [rect({ x, y: mid.y - 0.5, width: w, height: 1 }, "--line")];
    case "c": return [rect(all, colour), ...(w < 5 ? [] : [[-r, r], [r, -r]].map(([a, b]) => ({ type: "line", shape: { x1: mid.x - r, y1: mid.y + a, x2: mid.x + r, y2: mid.y + b }, style: { stroke: ink("--surface"), lineWidth: 1.2 } })))];
    default: return [rect(all, colour)];
  }
}

/** @typedef {{symbol: string, market: string, dataset: string, timeframe: string, days: string}} Row */
/** @param {{from: number, days: number, rows: Row[], reasons: string[], notes: [number, number, number, number][]}} data */
function coverage(data) {
  if (!data.rows.length) {
    for (const id of ["coverage-range", "coverage-legend", "coverage-table"]) byId(id).hidden = true;
    byId("heat-plot").dataset.points = "0";
    return empty("heat", "No day has been looked at yet: check fills this map at the end of each run.");
  }
  const several = data.rows.some((r) => r.market !== data.rows[0].market);
  const rows = data.rows.map((r) => ({ ...r, name: [several && r.market, r.dataset, r.timeframe].filter(Boolean).join(" "), states: r.days.replace(/([a-z])(\d+)/g, (_, s, n) => s.repeat(Number(n))) }));
  /** Why a day became what it is, by row. @type {(string | undefined)[][]} */
  const why = rows.map(() => []);
  for (const [row, day, many, which] of data.notes) for (let d = day; d < day + many; d++) why[row][d] = data.reasons[which];
  const first = (/** @type {number} */ i) => !i || rows[i - 1].symbol !== rows[i].symbol || rows[i - 1].market !== rows[i].market;
  const tops = /** @type {number[]} */ ([]);
  rows.forEach((_, i) => tops.push(i ? tops[i - 1] + ROW + (first(i) ? SPLIT : 0) : HEAD));
  const day = (/** @type {number} */ d) => data.from + d * DAY, height = tops[rows.length - 1] + ROW + 2;
  byId("heat-names").style.paddingTop = `${HEAD}px`;
  byId("heat-names").replaceChildren(...rows.map((r, i) => el("div", { class: first(i) ? "first" : "", style: { height: `${ROW}px`, marginTop: i && first(i) ? `${SPLIT}px` : "0" } }, el("b", {}, first(i) ? r.symbol : ""), el("span", {}, r.name))));
  const node = byId("heat-plot");
  node.style.height = `${height}px`;
  let from = Math.max(0, data.days - 182), until = data.days;
  const make = () => {
    const width = node.clientWidth - 2, per = Math.max(1, Math.ceil((until - from) / (width / 2.8))), cells = Math.ceil((until - from) / per), wide = width / cells;
    const days = (/** @type {number} */ k) => [from + k * per, Math.min(until, from + (k + 1) * per) - 1];
    const all = rows.flatMap((row, r) => Array.from({ length: cells }, (_, k) => {
      const [a, b] = days(k);
      let worst = "x";
      for (let d = a; d <= b; d++) if (WORST.indexOf(row.states[d]) > WORST.indexOf(worst)) worst = row.states[d];
      return { r, k, worst };
    }));
    const option = paint(DATA.charts.heat);
    Object.assign(option.grid[0], { top: HEAD, left: 0, width, height: height - HEAD });
    timeAxis(option.xAxis, Float64Array.from({ length: cells }, (_, k) => day(days(k)[0])), () => [0, cells - 1, width]);
    Object.assign(option.xAxis.axisLabel, { margin: 8, align: "left" });
    Object.assign(option.yAxis, { data: rows.map((_, i) => i), inverse: true, show: false });
    Object.assign(option.series[0], {
      data: all.map(({ r, k }) => [k, r]), clip: false,
      renderItem: (/** @type {any} */ params) => {
        const { r, k, worst } = all[params.dataIndex], gap = wide >= 5 ? 1 : 0;
        return { type: "group", children: cell(worst, k * wide, tops[r], wide - gap, ROW - 2) };
      },
    });
    return {
      option, many: all.length, wide: cells, label: `Coverage of ${rows.length} series from ${when.day(day(from))} to ${when.day(day(until - 1))}`,
      words: (/** @type {number} */ i) => {
        const { r, k, worst } = all[i], [a, b] = days(k), said = [];
        for (let d = a; d <= b; d++) if (rows[r].states[d] === worst && why[r][d]) said.push(b > a ? `${when.short(day(d))}: ${why[r][d]}` : String(why[r][d]));
        const state = STATES[worst][0] + (per > 1 && worst !== "a" ? " (the worst of these days)" : "");
        return [`${rows[r].symbol} ${rows[r].name}`, a === b ? when.day(day(a)) : `${when.short(day(a))} to ${when.day(day(b))}`, state, ...said.slice(0, 3)];
      },
    };
  };
  const draw = plot("heat-plot", make);
  let was = 0;
  new ResizeObserver(() => { if (was && was !== node.clientWidth) soon(draw); was = node.clientWidth; }).observe(node);

  /** @type {Record<string, number>} */ const counts = {};
  for (const r of rows) for (const s of r.states) counts[s] = (counts[s] ?? 0) + 1;
  const swatch = (/** @type {string} */ state) => el("i", { class: `cell ${STATES[state][0]}`, "aria-hidden": "true" });
  const told = [..."atdmcpz"].filter((s) => counts[s] || "admcp".includes(s));
  byId("coverage-legend").replaceChildren(...told.map((s) => el("li", { title: STATES[s][1] }, swatch(s), STATES[s][0], el("b", {}, say.whole(counts[s] ?? 0)))));

  const years = [...new Set([day(0), day(data.days - 1)].map((t) => new Date(t * 1000).getUTCFullYear()))];
  const between = years.length > 1 ? Array.from({ length: years[1] - years[0] + 1 }, (_, i) => years[0] + i).slice(-4) : [];
  choose("coverage-range", [["half", "6 months"], ...between.map((y) => /** @type {[string, string]} */ ([String(y), String(y)])), ["all", "All"]], "half", (key) => {
    const year = Number(key), at = (/** @type {number} */ y) => Math.round((Date.UTC(y, 0) / 1000 - data.from) / DAY);
    [from, until] = key === "half" ? [Math.max(0, data.days - 182), data.days] : key === "all" ? [0, data.days] : [Math.max(0, at(year)), Math.min(data.days, at(year + 1))];
    draw();
  });

  /** Days in a row with one cause are one line. @type {{r: number, from: number, to: number, s: string, why: string}[]} */
  const gaps = [];
  rows.forEach(({ states }, r) => {
    for (let d = 0, to = 0; d < data.days; d = to + 1) {
      for (to = d; to + 1 < data.days && states[to + 1] === states[d] && why[r][to + 1] === why[r][d];) to++;
      if (!"xazp".includes(states[d])) gaps.push({ r, from: d, to, s: states[d], why: why[r][d] ?? "" });
    }
  });
  gaps.sort((a, b) => b.from - a.from || a.r - b.r);
  const box = byId("coverage-table"), sum = /** @type {HTMLElement} */ (box.querySelector("summary"));
  sum.textContent = gaps.length ? `What is not whole, as a table: ${say.whole(gaps.length)} ${gaps.length === 1 ? "line" : "lines"}` : "Every day that is due is whole";
  const line = (/** @type {typeof gaps[0]} */ g) => [g.from === g.to ? when.iso(day(g.from)) : `${when.iso(day(g.from))} … ${when.iso(day(g.to))}`, rows[g.r].symbol, rows[g.r].name, STATES[g.s][0], g.why];
  box.addEventListener("toggle", () => /** @type {HTMLElement} */ (box.querySelector(".scroll")).replaceChildren(table(["Days", "Symbol", "Series", "State", "Why"], gaps.map(line))), { once: true });
}
