// From one rate to another by a steep filter, like the one that genrekit decodes with.

// Flat up to this part of what the lower of both rates can hold, and nothing from its end on.
const FLAT = 0.913, STOP_DB = 75;

function divisor(a, b) {
  return b ? divisor(b, a % b) : a;
}

/** How many samples on either side of a place it is computed from. */
export function reach(from, to) {
  if (from === to) return 0;
  const width = (1 - FLAT) * Math.PI * Math.min(1, to / from);
  return Math.ceil((STOP_DB - 8) / (2.285 * width) / 2);
}

/** The modified Bessel function of order zero. */
function bessel(x) {
  let term = 1, sum = 1;
  for (let k = 1; term > 1e-12 * sum; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}

/** The filter at `phases` places between two samples, each of 2 * half weights (Kaiser's window). */
function bank(from, to, phases) {
  const half = reach(from, to), cut = ((1 + FLAT) / 2) * Math.min(1, to / from), beta = 0.1102 * (STOP_DB - 8.7), top = bessel(beta);
  const weights = new Float32Array(phases * 2 * half);
  for (let phase = 0; phase < phases; phase++) {
    for (let n = 0; n < 2 * half; n++) {
      const t = n - half + 1 - phase / phases, inside = Math.max(0, 1 - (t / half) ** 2);
      const sinc = t ? Math.sin(Math.PI * cut * t) / (Math.PI * t) : cut;
      weights[phase * 2 * half + n] = (sinc * bessel(beta * Math.sqrt(inside))) / top;
    }
  }
  return { half, weights };
}

/** Samples `first` to `first + count` at rate `to`, of a part of a track that begins with sample `begun` at rate `from`. */
export function resample(samples, { from, to, begun, first, count }) {
  if (from === to) return samples.slice(first - begun, first - begun + count);
  const common = divisor(from, to), phases = to / common, step = from / common;
  const { half, weights } = bank(from, to, phases), taps = 2 * half;
  const last = Math.floor(((first + count) * step) / phases) - begun + half;
  const padded = new Float32Array(half + Math.max(samples.length, last) + half);
  padded.set(samples, half);
  const made = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    const place = (first + n) * step, phase = place % phases;
    const at = (place - phase) / phases - begun + 1, row = phase * taps;
    let sum = 0;
    for (let k = 0; k < taps; k++) sum += weights[row + k] * padded[at + k];
    made[n] = sum;
  }
  return made;
}
