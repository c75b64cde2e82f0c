// The small charts under the market's: change and volume of days, volume of months, price against volume, and
// those of runs.

/** Columns over time. @param {number[]} t @param {(number | null)[]} values @param {(time: number) => string} name
 * @param {(v: number) => string} axis @param {(i: number) => string | null} colour a name of a colour, or none for the usual */
function columns(t, values, name, axis, colour = () => null) {
  const option = paint(DATA.charts.columns), places = Float64Array.from(t);
  timeAxis(option.xAxis, places, () => [0, t.length - 1, 400]);
  option.xAxis.axisPointer = { label: { show: false } };
  option.yAxis.axisLabel.formatter = axis;
  Object.assign(option.series[0], {
    data: values.map((value, i) => { const is = colour(i); return is ? { value, itemStyle: { color: ink(is) } } : value; }),
    barMaxWidth: 22, barCategoryGap: "28%",
  });
  option.tooltip.axisPointer = { type: "shadow", shadowStyle: { color: ink("--band") } };
  return option;
}

const short = (/** @type {number} */ v) => Math.abs(v) >= 1000 || v === 0 || Number.isInteger(v) ? say.compact(v) : String(Number(v.toPrecision(2)));

/** The charts of days and months. `chosen` gives the symbol and the times in the market chart's view. Gives what
 * draws those anew that follow it. @param {() => {symbol: any, from: number, to: number}} chosen */
function dayPlots(chosen) {
  /** The days in view, 30 at least. */
  const days = () => {
    const { symbol, from, to } = chosen(), all = symbol.days;
    let end = all.findIndex((/** @type {any} */ d) => d[0] > to);
    if (end < 0) end = all.length;
    end = Math.min(all.length, Math.max(30, end));
    let first = all.findIndex((/** @type {any} */ d) => d[0] >= from - DAY);
    if (first < 0) first = 0;
    const list = all.slice(Math.max(0, Math.min(first, end - 30)), end);
    const unit = 10 ** symbol.volumeDigits, span = list.length ? `${when.day(list[0][0])} to ${when.day(list[list.length - 1][0])}` : "";
    return { symbol, list, unit, span, price: (/** @type {number} */ v) => say.price(v, symbol.digits) };
  };
  const none = (/** @type {any} */ symbol) => `No figures of days of ${symbol.symbol} yet: gold makes them from bars.`;
  return [
    plot("plot-change", () => {
      const { symbol, list, span, price } = days();
      byId("plot-change-when").textContent = span;
      if (!list.length) return none(symbol);
      const change = list.map((/** @type {any} */ d) => d[2] === null ? null : d[2] / 1e4);
      return {
        option: columns(list.map((/** @type {any} */ d) => d[0]), change, when.day, (v) => `${v} %`.replace("-", "−"), (i) => change[i] < 0 ? "--down" : "--up"), many: list.length,
        words: (i) => [when.day(list[i][0]), change[i] === null ? `first day, ${price(list[i][1])}` : `${say.percent(change[i])} to ${price(list[i][1])}`],
        label: `Daily price change of ${symbol.symbol} in percent, ${list.length} days, ${span}`,
      };
    }),
    plot("plot-volume", () => {
      const { symbol, list, unit, span } = days(), values = list.map((/** @type {any} */ d) => d[3] / unit);
      byId("plot-volume-when").textContent = span;
      if (!list.length) return none(symbol);
      return {
        option: columns(list.map((/** @type {any} */ d) => d[0]), values, when.day, short), many: list.length,
        words: (i) => [when.day(list[i][0]), `${say.compact(values[i])} ${symbol.unit}`], label: `Daily volume of ${symbol.symbol}, ${list.length} days, ${span}`,
      };
    }),
    plot("plot-points", () => {
      const { symbol, list, unit, price } = days(), shown = list.filter((/** @type {any} */ d) => d[3] > 0 && d[1] > 0);
      if (!shown.length) return none(symbol);
      const scale = 10 ** symbol.digits, option = paint(DATA.charts.points), last = shown.length - 1;
      const points = shown.map((/** @type {any} */ d) => [d[3] / unit, d[1] / scale]);
      for (const [axis, k] of [[option.xAxis, 0], [option.yAxis, 1]]) logAxis(axis, points.map((/** @type {number[]} */ p) => p[k]), k ? 5 : 4);
      option.series[0].data = points.map((/** @type {number[]} */ value, /** @type {number} */ i) => i === last
        ? { value, symbolSize: 9, itemStyle: { color: ink("--surface"), borderColor: ink("--down"), borderWidth: 2 } }
        : { value, itemStyle: { opacity: 0.14 + 0.66 * (i / last) ** 1.6 } });
      return {
        option, many: shown.length, words: (i) => [when.day(shown[i][0]) + (i === last ? ", the last day" : ""), `${price(shown[i][1])} ${symbol.quote}`, `${say.compact(points[i][0])} ${symbol.unit}`],
        label: `Price against volume of ${symbol.symbol}, ${shown.length} days`,
      };
    }),
  ];
}

/** An axis of ratios with round marks in it. @param {any} axis @param {number[]} values @param {number} many */
function logAxis(axis, values, many) {
  const lo = Math.min(...values) / 1.05, hi = Math.max(...values) * 1.05;
  Object.assign(axis, { min: lo, max: hi });
  axis.axisLabel.customValues = roundRatios(lo, hi, many);
  axis.axisTick.customValues = axis.axisLabel.customValues;
  axis.axisLabel.formatter = short;
}
/** Round numbers between two, at about equal ratios. @param {number} lo @param {number} hi @param {number} many */
function roundRatios(lo, hi, many) {
  const decades = Math.log10(hi / lo), out = [];
  const steps = decades > many ? [1] : decades > many / 3 ? [1, 3] : [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
  for (let e = Math.floor(Math.log10(lo)); e <= Math.log10(hi); e++) for (const k of steps) { const v = Number((k * 10 ** e).toPrecision(3)); if (v >= lo && v <= hi) out.push(v); }
  const every = Math.ceil(out.length / many);
  return out.filter((_, i) => i % every === 0);
}

/** All months of the chosen symbol. @param {() => {symbol: any}} chosen */
function monthPlot(chosen) {
  return plot("plot-months", () => {
    const { symbol } = chosen(), unit = 10 ** symbol.volumeDigits, values = symbol.months.map((/** @type {any} */ m) => m[1] / unit);
    if (!values.length) return `No volumes of months of ${symbol.symbol} yet: gold makes them from bars.`;
    return {
      option: columns(symbol.months.map((/** @type {any} */ m) => m[0]), values, when.month, short), many: values.length,
      words: (i) => [when.month(symbol.months[i][0]), `${say.compact(values[i])} ${symbol.unit}`], label: `Monthly volume of ${symbol.symbol}, ${values.length} months`,
    };
  });
}

/** Time and cost of runs, the oldest first. @param {any[]} youngest */
function runPlots(youngest) {
  const runs = [...youngest].reverse(), title = (/** @type {number} */ i) => `${runs[i].id}, ${when.day(runs[i].at)}`;
  const times = runs.map((r) => r.seconds === null ? null : r.seconds / 60);
  plot("plot-time", () => runs.length ? {
    option: columns(runs.map((r) => r.at), times, when.day, short, (i) => runs[i].failed ? "--degraded" : null), many: runs.length,
    words: (i) => [title(i), runs[i].seconds === null ? "not committed" : say.time(runs[i].seconds), `${say.whole(runs[i].read)} rows read`, ...(runs[i].failed ? [`${say.whole(runs[i].failed)} archives left out`] : [])],
    label: `Time of each of ${runs.length} runs`,
  } : "No run yet: cargo xtask local run makes the first.");
  plot("plot-cost", () => runs.some((r) => r.cost !== null) ? {
    option: columns(runs.map((r) => r.at), runs.map((r) => r.cost === null ? null : r.cost / 1e6), when.day, (v) => `$${v}`), many: runs.length,
    words: (i) => [title(i), runs[i].cost === null ? "cost not known" : say.dollars(runs[i].cost)], label: `Cost of each of ${runs.length} runs in US dollars`,
  } : "What a run cost is not known here: it runs on a machine of its own, or no bill has come yet.");
}
