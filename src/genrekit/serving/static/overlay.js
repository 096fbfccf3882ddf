// An explanation as colours: patches over the spectrogram, and a bar for each second below it.

import { heightOf } from "./spectrogram.js";
import { sharp } from "./words.js";

// Told apart in any colour vision: what speaks for a genre, and what against it.
const FOR = "230 159 0", AGAINST = "86 180 233", NOTHING = "128 128 128";
// Nothing is at full strength that changes the log-odds by less.
const LEAST = 0.1, FADED = 0.25;
const tint = (loss, alpha) => `rgb(${loss > 0 ? FOR : AGAINST} / ${alpha})`;
const strongest = (parts) => Math.max(LEAST, ...parts.map((one) => Math.abs(one.loss)));

/** Patches where they belong on the spectrogram of a track of `seconds`. */
export function drawMap(canvas, patches, seconds, sampleRate, faded = false) {
  const { context, width, height } = sharp(canvas);
  const placed = patches.filter((one) => one.low_hz !== null && one.evidence), top = strongest(placed), most = faded ? FADED : 1;
  for (const one of placed) {
    const x = Math.round((one.start_seconds / seconds) * width), right = Math.round((one.end_seconds / seconds) * width);
    const y = Math.round(height * (1 - heightOf(one.high_hz, sampleRate))), bottom = Math.round(height * (1 - heightOf(one.low_hz, sampleRate)));
    context.fillStyle = tint(one.loss, (most * Math.abs(one.loss)) / top);
    context.fillRect(x, y, right - x, bottom - y);
  }
}

/** A bar for each hidden part: up is for the genre, down against it. */
export function drawStrip(canvas, spans, seconds) {
  const { context, width, height } = sharp(canvas);
  const top = strongest(spans), middle = height / 2;
  context.fillStyle = "rgb(255 255 255 / 0.25)";
  context.fillRect(0, middle - 0.5, width, 1);
  for (const one of spans) {
    const x = (one.start_seconds / seconds) * width, wide = Math.max(1, ((one.end_seconds - one.start_seconds) / seconds) * width - 1);
    const tall = Math.max(1, (Math.abs(one.loss) / top) * (middle - 2));
    context.fillStyle = one.evidence ? tint(one.loss, 1) : `rgb(${NOTHING})`;
    context.fillRect(x, one.loss > 0 ? middle - tall : middle, wide, tall);
  }
}
