// What is drawn of many bars: where several share a pixel, one stroke stands for them.

/** Candles: place, open, close, low, high. One for `per` bars: the first open, the last close, the extremes.
 * @param {Bars} b @param {number} per */
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

/** Of `per` values the greatest, either way, where it `is` one of these.
 * @param {Float64Array} values @param {number} per @param {(i: number) => boolean} is */
function greatest(values, per, is) {
  const out = [], n = values.length;
  for (let i = 0; i < n; i += per) {
    let most = i;
    for (let k = i + 1; k < Math.min(n, i + per); k++) if (!(Math.abs(values[most]) >= Math.abs(values[k]))) most = k;
    if (is(most) && !Number.isNaN(values[most])) out.push([Math.min(n - 1, i + (per >> 1)), values[most]]);
  }
  return out;
}

/** Of `per` values the last. @param {Float64Array} values @param {number} per */
function lasts(values, per) {
  const out = [], end = values.length - 1;
  for (let i = 0; i <= end; i += per) out.push([Math.min(end, i + (per >> 1)), values[Math.min(end, i + per - 1)]]);
  return out;
}
