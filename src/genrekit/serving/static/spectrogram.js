// A log-frequency spectrogram, computed in the page: one frame a column of pixels.

const SIZE = 2048;
const LOWEST_HZ = 60;
const FLOOR_DB = -80;
// From the page's dark to amber to white: bright is loud, in any colour vision.
const STOPS = [[10, 18, 16], [26, 64, 60], [96, 92, 52], [226, 150, 40], [255, 240, 205]];

const WINDOW = Float32Array.from({ length: SIZE }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / SIZE));
const COS = Float32Array.from({ length: SIZE / 2 }, (_, n) => Math.cos((2 * Math.PI * n) / SIZE));
const SIN = Float32Array.from({ length: SIZE / 2 }, (_, n) => Math.sin((2 * Math.PI * n) / SIZE));

/** Radix-2 FFT in place. */
export function fft(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let half = 1; half < n; half <<= 1) {
    const step = SIZE / (2 * half);
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const a = start + k, b = a + half;
        const re = real[b] * COS[k * step] + imaginary[b] * SIN[k * step];
        const im = imaginary[b] * COS[k * step] - real[b] * SIN[k * step];
        real[b] = real[a] - re; imaginary[b] = imaginary[a] - im;
        real[a] += re; imaginary[a] += im;
      }
    }
  }
}

function paint(level, pixels, at) {
  const place = Math.min(0.9999, Math.max(0, level)) * (STOPS.length - 1);
  const low = STOPS[Math.floor(place)], high = STOPS[Math.floor(place) + 1], share = place % 1;
  for (let c = 0; c < 3; c++) pixels[at + c] = low[c] + (high[c] - low[c]) * share;
  pixels[at + 3] = 255;
}

/** How far up a frequency lies, from 0 to 1. */
export function heightOf(hz, sampleRate) {
  return Math.min(1, Math.max(0, Math.log(Math.max(1, hz) / LOWEST_HZ) / Math.log(sampleRate / 2 / LOWEST_HZ)));
}

/** Draw mono samples onto a canvas. */
export function drawSpectrogram(canvas, samples, sampleRate) {
  const columns = Math.min(1200, Math.max(200, canvas.clientWidth)), rows = 128;
  canvas.width = columns;
  canvas.height = rows;
  const levels = new Float32Array(columns * rows);
  const real = new Float32Array(SIZE), imaginary = new Float32Array(SIZE);
  const edges = Array.from({ length: rows + 1 }, (_, row) => (LOWEST_HZ * (sampleRate / 2 / LOWEST_HZ) ** (row / rows) * SIZE) / sampleRate);
  let peak = -200;
  for (let column = 0; column < columns; column++) {
    const begin = Math.floor(((samples.length - SIZE) * column) / Math.max(1, columns - 1));
    for (let n = 0; n < SIZE; n++) real[n] = WINDOW[n] * (samples[Math.max(0, begin) + n] ?? 0);
    imaginary.fill(0);
    fft(real, imaginary);
    for (let row = 0; row < rows; row++) {
      const first = Math.floor(edges[row]), last = Math.max(first + 1, Math.ceil(edges[row + 1]));
      let power = 1e-12;
      for (let bin = first; bin < last; bin++) power = Math.max(power, real[bin] ** 2 + imaginary[bin] ** 2);
      const level = 10 * Math.log10(power);
      levels[row * columns + column] = level;
      if (level > peak) peak = level;
    }
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      paint(1 - (levels[row * columns + column] - peak) / FLOOR_DB, image.data, 4 * ((rows - 1 - row) * columns + column));
    }
  }
  context.putImageData(image, 0, 0);
}
