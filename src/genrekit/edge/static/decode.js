// A file to mono samples, by the decoders of the browser.

import { Problem } from "./problem.js";
import { nativeRate } from "./rates.js";

const MOST_BYTES = 512 * 2 ** 20;
const MOST_SECONDS = 3600; // an hour in stereo, at a low rate, is half a gigabyte of samples
const FINE_SECONDS = 900; // longer ones are decoded at the rate of the model, by whatever filter the browser has
const LEAST_HZ = 8000, MOST_HZ = 48000; // what every browser decodes to; at the most its filter leaves alone what a model analyses
const PATIENCE_MS = 4000;
// As genrekit folds channels: they cancel where turning one around carries half as much power again.
const WORTH_TURNING = 1.5, OFFSET_SHARE = 0.05;

/** All channels, and the rate that they have: that of the file where it is known. */
export async function decode(file, rate) {
  if (!file.size) throw new Problem("The file is empty", `${file.name || "It"} has no bytes.`, "Choose another file.", { status: 422 });
  const seconds = file.size > MOST_BYTES ? Infinity : await duration(file);
  if (seconds > MOST_SECONDS && (seconds !== Infinity || file.size > MOST_BYTES)) {
    throw new Problem("The file is too long for a browser", "It would be decoded into memory as a whole.", "Choose a piece of less than an hour, or use genrekit predict.", { status: 413 });
  }
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Problem("The file cannot be read", `${file.name || "It"} was moved or changed since it was chosen.`, "Choose it again.", { status: 422 });
  });
  const native = nativeRate(bytes), long = seconds > FINE_SECONDS && seconds !== Infinity;
  const from = long ? rate : native >= LEAST_HZ && native <= MOST_HZ ? native : Math.max(MOST_HZ, rate);
  let context;
  try {
    context = new OfflineAudioContext(1, 1, from);
  } catch {
    throw new Problem("This browser cannot decode for the model", `It does not resample to ${from} Hz.`, "Try another browser.", { status: 415 });
  }
  try {
    return { audio: await context.decodeAudioData(bytes), from };
  } catch {
    throw new Problem("This is not audio that the browser can play", `${file.name || "It"} cannot be decoded here.`, "Choose a music file: MP3, FLAC, WAV, Ogg, M4A, WebM.", { status: 415 });
  }
}

/** Seconds as the browser reads them from the head of a file; 0 where it cannot say. */
function duration(file) {
  const player = new Audio(), address = URL.createObjectURL(file);
  return new Promise((resolve) => {
    const waiting = setTimeout(() => resolve(0), PATIENCE_MS);
    const done = (seconds) => { clearTimeout(waiting); resolve(seconds || 0); };
    player.onloadedmetadata = () => done(player.duration);
    player.onerror = () => done(0);
    player.preload = "metadata";
    player.src = address;
  }).finally(() => { player.removeAttribute("src"); URL.revokeObjectURL(address); });
}

/** The samples that the model was made for, of `total`: some seconds from a start, or the middle. */
export function middle(total, { start_seconds: start, duration_seconds: seconds }, rate) {
  const wanted = seconds === null ? total : Math.round(seconds * rate);
  const first = Math.round(start === null ? Math.max(0, (total - wanted) / 2) : start * rate);
  return { first: Math.min(first, total), count: Math.max(0, Math.min(wanted, total - first)) };
}

/** The mean of all channels; those that are inverted against the first are turned around before. */
export function mono(audio, begin, end) {
  const channels = Array.from({ length: audio.numberOfChannels }, (_, number) => audio.getChannelData(number).subarray(begin, end));
  const sum = Float32Array.from(channels[0]);
  for (const channel of channels.slice(1)) {
    const sign = turned(sum, channel) ? -1 : 1;
    for (let n = 0; n < sum.length; n++) sum[n] += sign * channel[n];
  }
  for (let n = 0; n < sum.length; n++) sum[n] /= channels.length;
  return withoutOffset(sum);
}

function turned(sum, channel) {
  let plain = 0, inverted = 0;
  for (let n = 0; n < sum.length; n++) {
    plain += (sum[n] + channel[n]) ** 2;
    inverted += (sum[n] - channel[n]) ** 2;
  }
  return inverted > WORTH_TURNING * plain;
}

/** A constant offset that stands out beside the music is taken away. */
function withoutOffset(samples) {
  let sum = 0, squares = 0;
  for (const one of samples) { sum += one; squares += one * one; }
  const mean = sum / samples.length, deviation = Math.sqrt(Math.max(0, squares / samples.length - mean * mean));
  if (Math.abs(mean) > OFFSET_SHARE * deviation) for (let n = 0; n < samples.length; n++) samples[n] -= mean;
  return samples;
}
