// Bars: read from their planes of bytes, from the page or from a file beside it.

/** A series by slot; what is not there is NaN. Prices are whole numbers of the smallest unit, indicators too
 * (an RSI from 0 to 100).
 * @typedef {{kind: string, group: string, label: string, values: Float64Array}} Indicator
 * @typedef {{n: number, step: number, t: Float64Array, o: Float64Array, h: Float64Array, l: Float64Array, c: Float64Array,
 *   v: Float64Array, indicators: Indicator[], gaps: [number, number][]}} Bars
 * @typedef {{kind: string, group?: string, label?: string, holes?: [number, number][], values: number, planes: number}} Column
 * @typedef {{t0: number, step: number, sessions: boolean, gaps: [number, number][], columns: Column[], data: string}} Packed */

/** @param {string} base64 @returns {Promise<Uint8Array>} */
async function inflate(base64) {
  const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** @param {Packed} packed @returns {Promise<Bars>} */
async function unpack(packed) {
  const bytes = await inflate(packed.data), { step, sessions } = packed, many = packed.columns[0].values;
  let at = 0;
  const steps = (/** @type {Column} */ column) => {
    const out = new Float64Array(column.values);
    for (let plane = 0, power = 1; plane < column.planes; plane++, power *= 256) {
      for (let i = 0; i < column.values; i++) out[i] += bytes[at++] * power;
    }
    for (let i = 0; i < out.length; i++) out[i] = out[i] % 2 ? -(out[i] + 1) / 2 : out[i] / 2;
    return out;
  };
  // where there is a session only, time without bars takes no place; else each bar keeps its own
  const n = sessions ? many : packed.gaps.reduce((sum, [, missing]) => sum + missing, many);
  const slots = new Int32Array(many), t = new Float64Array(n), gaps = /** @type {[number, number][]} */ ([]);
  for (let i = 0, slot = 0, gap = 0, time = packed.t0; i < many; i++, slot++, time += step) {
    if (gap < packed.gaps.length && packed.gaps[gap][0] === i) {
      const missing = packed.gaps[gap++][1];
      if (!sessions) {
        gaps.push([slot, missing]);
        for (let k = 0; k < missing; k++) t[slot + k] = time + k * step;
        slot += missing;
      }
      time += missing * step;
    }
    slots[i] = slot;
    t[slot] = time;
  }
  const column = () => new Float64Array(n).fill(NaN);
  const o = column(), h = column(), l = column(), c = column(), v = column();
  const [dO, dC, dH, dL, dV] = packed.columns.slice(0, 5).map(steps);
  for (let i = 0, last = 0; i < many; i++) {
    const slot = slots[i], open = last + dO[i], close = open + dC[i];
    o[slot] = open;
    c[slot] = last = close;
    h[slot] = Math.max(open, close) + dH[i];
    l[slot] = Math.min(open, close) - dL[i];
    v[slot] = dV[i];
  }
  const indicators = packed.columns.slice(5).map((about) => {
    const values = column(), from = steps(about), holes = [...(about.holes ?? [])];
    for (let i = 0, k = 0, x = 0; i < many; i++) {
      if (holes.length && holes[0][0] === i) { i += /** @type {[number, number]} */ (holes.shift())[1] - 1; continue; }
      values[slots[i]] = (x += from[k++]) / 100;
    }
    return { kind: about.kind, group: about.group ?? "", label: about.label ?? "", values };
  });
  return { n, step, t, o, h, l, c, v, indicators, gaps };
}

/** Series that are here or on their way, by market/symbol/timeframe. @type {Map<string, Promise<Bars>>} */
const series = new Map();
/** Who waits for a file of bars. @type {Map<string, (packed: Packed) => void>} */
const waiting = new Map();
// a file of bars calls this: a script element works from a disk, where fetch is refused
Object.assign(window, { lake: { bars: (/** @type {string} */ key, /** @type {Packed} */ packed) => waiting.get(key)?.(packed) } });

/** @param {any} symbol @param {string} frame @returns {Promise<Bars>} */
function barsOf(symbol, frame) {
  const key = `${symbol.market}/${symbol.symbol}/${frame}`, known = series.get(key);
  if (known) return known;
  const lies = symbol.frames.find((/** @type {any} */ f) => f[0] === frame)[2];
  const load = () => /** @type {Promise<Packed>} */ (new Promise((done, failed) => {
    waiting.set(key, done);
    document.head.append(el("script", { src: lies.file, onerror: () => failed(new Error(`${lies.file} is not beside this page`)) }));
  }));
  const bars = (lies.here ? Promise.resolve(lies.here) : load()).then(unpack);
  series.set(key, bars);
  // what failed is tried again when it is asked for again
  bars.catch(() => series.delete(key));
  return bars;
}
