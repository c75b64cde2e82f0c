// The axis of time: where a time lies, and where marks with words stand.

/** The first place at or after a time. @param {Float64Array} t @param {number} time */
function placeOf(t, time) {
  let from = 0, to = t.length;
  while (from < to) {
    const mid = (from + to) >> 1;
    if (t[mid] < time) from = mid + 1; else to = mid;
  }
  return from;
}

/** The place of a bar, or -1. @param {Bars} bars @param {number} time */
function slotOf(bars, time) {
  const i = placeOf(bars.t, time);
  return bars.t[i] === time ? i : -1;
}

const STEPS = [60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, DAY, 2 * DAY, 7 * DAY];
/** The times between two places at which the axis is marked, at most one in `room` pixels, with their words.
 * @param {Float64Array} t @param {number} from @param {number} to @param {number} width @param {number} [room] */
function timeMarks(t, from, to, width, room = 76) {
  const least = (t[to] - t[from]) * room / Math.max(width, 1), step = STEPS.find((s) => s >= least), marks = /** @type {Map<number, string>} */ (new Map());
  const mark = (/** @type {number} */ time) => {
    const i = placeOf(t, time);
    if (i <= from || i > to || marks.has(t[i])) return;
    const d = new Date(t[i] * 1000), before = new Date(t[i - 1] * 1000);
    const [year, month, day] = [d.getUTCFullYear() !== before.getUTCFullYear(), d.getUTCMonth() !== before.getUTCMonth(), d.getUTCDate() !== before.getUTCDate()];
    marks.set(t[i], year ? String(d.getUTCFullYear()) : month ? MONTHS[d.getUTCMonth()] : day ? when.short(t[i]) : when.clock(t[i]));
  };
  if (step && step <= DAY) {
    for (let time = Math.ceil(t[from] / step) * step; time <= t[to]; time += step) mark(time);
    return marks;
  }
  const months = step ? 1 : [1, 2, 3, 6, 12, 24, 60, 120].find((m) => m * 29.5 * DAY >= least) ?? 120;
  const days = step === 2 * DAY ? Array.from({ length: 15 }, (_, k) => 1 + 2 * k) : step ? [1, 8, 15, 22] : [1], first = new Date(t[from] * 1000);
  for (let k = Math.floor((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months; ; k += months) {
    for (const day of days) {
      const time = Date.UTC(Math.floor(k / 12), k % 12, day) / 1000;
      if (time > t[to]) return marks;
      mark(time);
    }
  }
}

/** Marks a category axis of times where something begins. `window` tells the first and last place in view, and their width.
 * @param {any} axis @param {Float64Array} t @param {() => [number, number, number]} window */
function timeAxis(axis, t, window) {
  let last = Infinity, marks = /** @type {Map<number, string>} */ (new Map());
  axis.data = Array.from(t);
  // ECharts asks for each place in turn: where it begins anew, something has moved
  axis.axisLabel.interval = (/** @type {number} */ i) => {
    if (i <= last) marks = timeMarks(t, ...window());
    last = i;
    return marks.has(t[i]);
  };
  axis.axisLabel.formatter = (/** @type {string} */ value) => marks.get(Number(value)) ?? "";
  axis.axisLabel.hideOverlap = true;
}
