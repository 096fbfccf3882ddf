// What the page asks of a server elsewhere, answered on this device by a graph.

import { decode, middle, mono } from "./decode.js";
import { Problem } from "./problem.js";
import { reach } from "./resample.js";
import { ranked } from "./words.js";

const ADVICE = "Choose another file, or one that plays from start to end.";
let about = null; // what model.json says
let running = null; // { worker, waiting } of the worker that holds the graph
let last = null; // { file, decoded } of the file that was decoded last
let turn = Promise.resolve(); // who asks next waits for who asked before

export const explains = false;
export const withRetries = (ask) => ask();

async function read(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Problem("A part of the page is missing", `${name} cannot be read.`, "Reload the page while you are online.");
  return answer.json();
}

const described = () => (about ??= read("model.json").catch((problem) => { about = null; throw problem; }));
const card = () => read("card.json");
export const models = async () => (await card()).models;
export const version = async () => ({ genrekit: (await card()).genrekit, keeps_audio: false });

const nobody = async () => { throw new Problem("This page does not offer that", "It has no server.", "Use genrekit serve."); };
export { nobody as demos, nobody as demo, nobody as indexInfo, nobody as similar, nobody as similarAudio, nobody as explain };

function scorer() {
  if (running) return running;
  const worker = new Worker("scoring.js", { type: "module" }), waiting = new Map();
  const mine = (running = { worker, waiting, next: 0 });
  worker.onmessage = ({ data }) => {
    const { resolve, reject } = waiting.get(data.id) ?? {};
    waiting.delete(data.id);
    if (data.error) reject?.(new Problem("The model cannot run", data.error, "Reload the page, or try another browser."));
    else resolve?.(data.found);
  };
  worker.onerror = (event) => {
    for (const { reject } of waiting.values()) reject(new Problem("The model could not be started", event.message || "A part of the page is missing.", "Reload the page while you are online, or try another browser."));
    if (running === mine) running = null;
  };
  return mine;
}

function ask(work, signal) {
  const mine = scorer(), id = mine.next++;
  return new Promise((resolve, reject) => {
    const stop = () => { // a graph cannot be stopped, but who runs it can
      mine.worker.terminate();
      if (running === mine) running = null;
      for (const one of mine.waiting.values()) one.reject(new DOMException("cancelled", "AbortError"));
    };
    const over = (then) => (value) => { signal?.removeEventListener("abort", stop); then(value); };
    mine.waiting.set(id, { resolve: over(resolve), reject: over(reject) });
    signal?.addEventListener("abort", stop, { once: true });
    mine.worker.postMessage({ id, work }, work ? [work.samples.buffer] : []);
  });
}

/** Load the graph before it is needed. */
export const ready = () => ask(null);

async function audioOf(file, rate) {
  if (last?.file !== file) {
    last = null; // two of them may be more than a phone has room for
    last = { file, decoded: await decode(file, rate) };
  }
  return last.decoded;
}

/** One after the other: the graph has one worker, and a phone little memory. */
function inTurn(work, signal) {
  const mine = turn.then(() => {
    if (signal?.aborted) throw new DOMException("cancelled", "AbortError");
    return work();
  });
  turn = mine.catch(() => {});
  return mine;
}

/** A TrackPrediction for a File, as genrekit predict gives it. */
export function predict(file, { segments = false, tags = false, whole = false } = {}, { signal, onUpload } = {}) {
  onUpload?.(1);
  return inTurn(() => answer(file, { segments, tags, whole }, signal), signal);
}

async function answer(file, { segments, tags, whole }, signal) {
  const began = performance.now(), model = await described(), rate = model.sample_rate_hz;
  const { audio, from } = await audioOf(file, rate), total = Math.round((audio.length * rate) / from);
  if (signal?.aborted) throw new DOMException("cancelled", "AbortError");
  const { first, count } = whole ? { first: 0, count: total } : middle(total, model.excerpt, rate);
  const around = reach(from, rate), begun = Math.max(0, Math.floor((first * from) / rate) - around), ended = Math.ceil(((first + count) * from) / rate) + around;
  check(count, model);
  const samples = mono(audio, begun, ended), decoded = performance.now();
  const { peak, ...found } = await ask({ samples, from, to: rate, begun, first, count }, signal);
  if (!Number.isFinite(peak)) throw new Problem("The audio is damaged", "It holds numbers that are not finite.", ADVICE, { status: 422 });
  const scores = Object.fromEntries(ranked(named(model.labels, found.scores)));
  const silent = peak < model.silent_below_peak, genres = silent ? [] : chosen(scores, model);
  return {
    path: file.name, genre: genres[0] ?? "unknown", scores, genres,
    segments: segments ? placed(found, model, first, count) : [],
    seconds: count / rate,
    model: { name: model.name, version: model.version, sha256: model.bundle_sha256 },
    warnings: silent ? [`silent: the largest sample is ${peak.toPrecision(1)} of full scale`] : [],
    timings_ms: { decode: decoded - began, model: performance.now() - decoded, total: performance.now() - began },
    ...(tags ? further(found, model) : {}),
  };
}

const named = (labels, values) => Object.fromEntries(labels.map((label, number) => [label, values[number]]));

/** Too little audio is a problem. */
function check(count, model) {
  if (!count) throw new Problem("There is nothing to analyse", "There is no audio in it.", ADVICE, { status: 422 });
  const seconds = count / model.sample_rate_hz, least = model.windows.minimum_seconds;
  if (seconds < least) throw new Problem("There is too little to analyse", `There are ${seconds.toFixed(2)} s of audio, and the model needs at least ${least} s.`, "Choose a longer piece.", { status: 422 });
}

/** The genres that are predicted, best first; none is unknown. */
function chosen(scores, model) {
  const [best] = Object.entries(scores);
  if (best[1] < model.unknown_below) return [];
  if (model.task === "single-label") return [best[0]];
  const reached = new Set();
  model.labels.forEach((label, number) => {
    if (scores[label] >= model.thresholds[number]) for (let one = label; one; one = model.parents[one]) reached.add(one);
  });
  return Object.keys(scores).filter((label) => reached.has(label));
}

function placed(found, model, first, count) {
  const rate = model.sample_rate_hz, n = model.labels.length, begin = first / rate, end = begin + count / rate;
  return [...found.start_seconds].map((start, number) => ({
    start_seconds: begin + start,
    end_seconds: Math.min(end, begin + start + model.windows.window_seconds),
    scores: named(model.labels, found.windows.subarray(number * n, (number + 1) * n)),
  }));
}

/** Tags by group and wide genres, where the model has them. */
function further(found, { heads }) {
  const made = {};
  for (const [name, { labels, thresholds, groups }] of Object.entries(heads)) {
    const scores = Object.fromEntries(ranked(named(labels, found[name])));
    const within = (some) => Object.fromEntries(Object.entries(scores).filter(([label]) => some.includes(label)));
    if (name === "tags") made.tags = Object.fromEntries(Object.entries(Object.keys(groups).length ? groups : { tags: labels }).map(([group, some]) => [group, within(some)]));
    if (name === "wide") made.wide = { scores, genres: Object.keys(scores).filter((label) => scores[label] >= thresholds[labels.indexOf(label)]) };
  }
  return made;
}
