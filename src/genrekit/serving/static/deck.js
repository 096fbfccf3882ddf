// The track itself: waveform, genres along it, spectrogram, playback and a cursor over all three.

import { clock, colour, drawLegend, drawRiver, element, percent, ranked, sharp } from "./words.js";
import { drawMap, drawStrip } from "./overlay.js";
import { drawSpectrogram } from "./spectrogram.js";

const RATE_HZ = 22050;
const MOST_BYTES = 64 * 2 ** 20; // more than this is not decoded in the page

const $ = (id) => document.getElementById(id);
const player = $("player");
let track = { seconds: 0, samples: null, segments: [], analysed: null, why: null };
let address = "";
let until = Infinity; // where playback stops by itself
let laid = true; // whether the explanation is over the spectrogram

/** Load a file into the deck; resolves to its length in seconds, 0 where the browser cannot say. */
export async function load(file) {
  player.pause();
  URL.revokeObjectURL(address);
  address = URL.createObjectURL(file);
  player.src = address;
  track = { seconds: 0, samples: null, segments: [], analysed: null, why: null };
  const mine = track;
  $("segments-details").hidden = true;
  $("legend").replaceChildren();
  $("now").textContent = "";
  show();
  try {
    if (file.size > MOST_BYTES) throw new DOMException("large", "EncodingError");
    const audio = await new OfflineAudioContext(1, 1, RATE_HZ).decodeAudioData(await file.arrayBuffer());
    mine.seconds = audio.duration;
    mine.samples = mixed(audio);
  } catch {
    mine.seconds = Number.isFinite(player.duration) ? player.duration : 0;
  }
  if (mine === track) show();
  return mine.seconds;
}

/** Mark the part that the answer is for. */
export function setHeard(segments) {
  track.analysed = segments.length ? [segments[0].start_seconds, segments.at(-1).end_seconds] : null;
  show();
}

/** Lay the segments of an answer over the track. */
export function setSegments(segments) {
  track.segments = segments;
  if (segments.length) track.seconds = Math.max(track.seconds, segments.at(-1).end_seconds);
  $("segment-rows").replaceChildren(...segments.map((one) => {
    const [genre, p] = ranked(one.scores)[0];
    return element("tr", {}, ...[clock(one.start_seconds), clock(one.end_seconds), genre, percent(p)].map((text) => element("td", { text })));
  }));
  $("segments-details").hidden = segments.length < 1;
  drawLegend($("legend"), segments);
  show();
}

/** Lay an explanation over the track, or none. */
export function setWhy(found) {
  track.why = found;
  if (found) track.seconds = Math.max(track.seconds, found.occlusion.at(-1).end_seconds);
  if (!$("deck").hidden) show();
}

/** Whether it is seen, and how strongly. */
export function layWhy(shown, strength) {
  laid = shown;
  $("why-map").style.setProperty("--strength", strength);
  showWhy();
}

function showWhy() {
  const seen = Boolean(track.why && laid);
  $("why-map").hidden = !seen || !track.samples;
  $("why-strip").hidden = !seen;
  $("stage").classList.toggle("explained", seen);
  if (!seen) return;
  if (track.samples) drawMap($("why-map"), track.why.patches, track.seconds, RATE_HZ, track.why.faded);
  drawStrip($("why-strip"), track.why.occlusion, track.seconds);
}

/** Play some seconds and stop. */
export function playPart(from, to) {
  player.currentTime = from;
  until = to;
  play();
}

function mixed(audio) {
  const mono = audio.getChannelData(0).slice();
  for (let channel = 1; channel < audio.numberOfChannels; channel++) {
    const other = audio.getChannelData(channel);
    for (let n = 0; n < mono.length; n++) mono[n] += other[n];
  }
  return mono;
}

function show() {
  $("deck").hidden = false;
  $("time-end").textContent = track.seconds ? clock(track.seconds) : "";
  $("wave").hidden = $("spectrogram").hidden = !track.samples;
  const several = track.segments.length > 1; // one segment would only repeat the bars
  const [from, to] = (track.analysed ?? [0, 0]).map((at) => Math.min(1, at / (track.seconds || 1)));
  $("analysed").hidden = to - from > 0.98 || to === 0;
  $("analysed-note").hidden = $("analysed").hidden;
  $("analysed").style.setProperty("--from", from);
  $("analysed").style.setProperty("--to", to);
  $("river").hidden = $("legend").hidden = !several;
  if (track.samples) {
    drawWave();
    drawSpectrogram($("spectrogram"), track.samples, RATE_HZ);
  }
  if (several) drawRiver($("river"), track.segments, track.seconds);
  showWhy();
  move();
}

function segmentAt(seconds) {
  return track.segments.findLast((one) => one.start_seconds <= seconds && seconds < one.end_seconds + 0.05);
}

function drawWave() {
  const { context, width, height } = sharp($("wave"));
  const { samples, seconds } = track;
  const bars = Math.floor(width / 3), each = samples.length / bars;
  // The lowest and the highest sample of each bar, so that what is lopsided looks lopsided.
  const extremes = Array.from({ length: bars }, (_, bar) => {
    let low = 0, high = 0;
    for (let n = Math.floor(bar * each); n < (bar + 1) * each; n++) {
      const value = samples[n] ?? 0;
      if (value < low) low = value;
      else if (value > high) high = value;
    }
    return [low, high];
  });
  const loudest = Math.max(0.01, ...extremes.map(([low, high]) => Math.max(-low, high)));
  const plain = getComputedStyle($("wave")).color, middle = height / 2;
  extremes.forEach(([low, high], bar) => {
    const top = middle - (high / loudest) * middle, bottom = middle - (low / loudest) * middle;
    const genre = segmentAt(((bar + 0.5) / bars) * seconds);
    context.fillStyle = genre ? colour(ranked(genre.scores)[0][0]) : plain;
    context.fillRect(bar * 3, Math.min(top, middle - 0.5), 2, Math.max(1, bottom - top));
  });
}

function length() {
  return track.seconds || (Number.isFinite(player.duration) ? player.duration : 0);
}

function move() {
  if (player.currentTime >= until) player.pause();
  const at = player.currentTime, total = length();
  const share = total ? Math.min(1, at / total) : 0;
  $("cursor").style.setProperty("--at", share);
  $("seek").value = Math.round(share * 1000);
  $("seek").setAttribute("aria-valuetext", `${clock(at)} of ${clock(total)}`);
  $("clock").textContent = total ? `${clock(at)} / ${clock(total)}` : clock(at);
  const segment = segmentAt(at);
  if (segment) {
    const [genre, p] = ranked(segment.scores)[0];
    const text = `Here: ${genre}, ${percent(p)}`;
    if ($("now").textContent !== text) $("now").textContent = text;
  }
  if (!player.paused) requestAnimationFrame(move);
}

export function stop() {
  player.pause();
}

function play() {
  player.play().catch(() => { $("now").textContent = "This browser cannot play the file; the answer stands."; });
}

function toggle() {
  until = Infinity;
  if (player.paused) play();
  else player.pause();
}

export function wire() {
  $("play").addEventListener("click", toggle);
  for (const name of ["play", "pause", "ended"]) {
    player.addEventListener(name, () => {
      $("play").classList.toggle("playing", !player.paused);
      $("play").setAttribute("aria-label", player.paused ? "Play" : "Pause");
      move();
    });
  }
  $("seek").addEventListener("input", () => {
    until = Infinity;
    player.currentTime = ($("seek").value / 1000) * length();
    move();
  });
  player.addEventListener("seeked", move);
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => $("deck").offsetParent && show(), 150);
  });
  addEventListener("themechange", () => $("deck").offsetParent && show());
}
