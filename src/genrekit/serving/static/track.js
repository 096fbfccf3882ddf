// One track: choose or record it, send it, show the answer or what to do about its absence.

import { demo, demos, explains, indexInfo, withRetries, predict, similar, similarAudio } from "./api.js";
import * as deck from "./deck.js";
import { fromAudio, modelOf } from "./model.js";
import { Problem } from "./problem.js";
import { showTags } from "./tags.js";
import * as why from "./why.js";
import { clock, drawBars, drawDial, element, percent, sentence } from "./words.js";

const FEW = 5;
const WHOLE_BYTES = 24 * 2 ** 20; // up to this the whole track is listened to without asking

const HOPELESS = new Set([413, 415, 422]); // another try with the same file would say the same
const $ = (id) => document.getElementById(id);
let abort = new AbortController();
let current = null; // { file, prediction }
let hasIndex = false;
let playable = false; // whether the tracks of the index can be listened to
let playing = null; // { audio, button, url } of a similar track

/** Ask for the genre of a file and show everything about it. */
export async function analyse(file) {
  abort.abort();
  abort = new AbortController();
  const mine = abort;
  current = { file, prediction: null };
  deck.stop();
  stopSimilar();
  why.reset();
  $("result").hidden = $("problem").hidden = $("demo").hidden = true;
  drawDial($("dial"));
  busy("Sending", 0);
  try {
    if (!file.size) throw new Problem("The file is empty", `${file.name || "It"} has no bytes.`, "Choose another file.");
    const prediction = await predict(file, { segments: true, tags: true }, { signal: mine.signal, onUpload });
    current = { file, prediction };
    await show(file, prediction, mine.signal);
  } catch (error) {
    if (mine === abort && error.name !== "AbortError") fail(error);
  } finally {
    if (mine === abort) $("busy").hidden = true;
  }
}

function onUpload(share) {
  busy(share < 1 ? `Sending, ${percent(share)}` : "Listening", share);
}

function busy(text, share) {
  $("busy").hidden = false;
  if ($("busy-text").textContent !== text) $("busy-text").textContent = text;
  if (share < 1) $("busy-bar").value = share;
  else $("busy-bar").removeAttribute("value");
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function fail(error) {
  $("problem").hidden = false;
  $("problem-title").textContent = error.title ?? "The page cannot go on";
  $("problem-text").textContent = capital(error.message);
  $("problem-advice").textContent = error.advice ?? "Reload the page and try again.";
  $("retry").hidden = !current?.file || HOPELESS.has(error.status);
}

async function show(file, prediction, signal) {
  $("busy").hidden = true;
  $("result").hidden = false;
  $("file-name").textContent = [file.name || "Recording", place(prediction)].join("");
  showAnswer(prediction);
  $("result").focus({ preventScroll: true });
  $("result").scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  const seconds = await deck.load(file);
  if (signal.aborted) return;
  deck.setSegments(prediction.segments);
  deck.setHeard(prediction.segments);
  if (explains) why.offer(file, prediction);
  const more = seconds > prediction.seconds + 1;
  $("whole").hidden = !more;
  $("similar").hidden = true;
  // One after the other: nobody should need more than one worker at a time.
  if (hasIndex) await showSimilar(file, signal);
  if (more && file.size <= WHOLE_BYTES && !signal.aborted) await listenToAll(signal);
}

function showAnswer(prediction) {
  const unknown = prediction.genre === "unknown" || prediction.genre === null;
  const model = modelOf(prediction.model);
  const threshold = model?.manifest.task === "single-label" ? model.manifest.unknown_below : 0;
  $("genre").textContent = prediction.genres.length > 1 ? prediction.genres.join(", ") : prediction.genre ?? "unknown";
  $("result").classList.toggle("unknown", unknown);
  $("sentence").textContent = sentence(prediction);
  $("context").textContent = record(model);
  $("warnings").replaceChildren(...prediction.warnings.map((text) => element("li", { text })));
  showTags($("tags"), prediction);
  drawDial($("dial"), prediction.scores, unknown ? null : prediction.genres[0]);
  $("threshold-note").textContent = threshold ? `Below the mark, ${percent(threshold)}, the answer would be unknown.` : "";
  const count = Object.keys(prediction.scores).length;
  $("more-genres").hidden = count <= FEW;
  showBars(false);
  const { name, version } = prediction.model ?? {};
  const took = prediction.timings_ms ? `, in ${Math.round(prediction.timings_ms.total)} ms` : "";
  $("facts").textContent = `${name} ${version} listened to ${prediction.seconds.toFixed(1)} s${took}.`;
}

/** Which part was listened to, where it is not all of it from the start. */
function place({ segments }) {
  const begin = segments[0]?.start_seconds ?? 0;
  return begin >= 1 ? `, its middle from ${clock(begin)} to ${clock(segments.at(-1).end_seconds)}` : "";
}

function record(model) {
  const result = model && fromAudio(model.metrics);
  if (!result) return "";
  const { value, low, high } = result.accuracy;
  return `Measured on audio it was not trained on, this model was right ${percent(value)} of the time (between ${percent(low)} and ${percent(high)}, ${result.items} ${result.unit}s of ${result.dataset}). Your music may differ.`;
}

function showBars(all) {
  const { scores, genres, model: identity } = current.prediction;
  const model = modelOf(identity);
  const threshold = model?.manifest.task === "single-label" ? model.manifest.unknown_below : 0;
  drawBars($("bars"), scores, { told: genres, most: all ? Infinity : Math.max(FEW, genres.length), threshold });
  $("more-genres").textContent = all ? "Fewer genres" : "All genres";
  $("more-genres").setAttribute("aria-expanded", String(all));
}

async function listenToAll(signal) {
  const button = $("whole"), { file } = current;
  button.disabled = true;
  button.textContent = "Listening to the whole track";
  try {
    const whole = await withRetries(() => predict(file, { segments: true, whole: true }, { signal }), signal);
    if (!signal.aborted) {
      deck.setSegments(whole.segments);
      button.hidden = true;
    }
  } catch (error) {
    if (error.name !== "AbortError") button.textContent = `${error.title}. Try the whole track again`;
    return;
  } finally {
    button.disabled = false;
  }
  button.textContent = "Listen to the whole track";
}

async function showSimilar(file, signal) {
  $("similar").hidden = false;
  $("similar-note").textContent = "Looking for similar tracks";
  $("neighbours").replaceChildren();
  try {
    const { tracks } = await withRetries(() => similar(file, { top: 8 }, { signal }), signal);
    $("neighbours").replaceChildren(...tracks.map(neighbour));
    $("similar-note").textContent = tracks.length ? "Nearest in the index; 1.00 would be the same." : "The index is empty.";
  } catch (error) {
    if (error.name !== "AbortError") $("similar-note").textContent = `${error.title}: ${error.message}`;
  }
}

function neighbour({ path, similarity }) {
  const parts = [element("span", { className: "name", text: path }), element("span", { className: "value", text: similarity.toFixed(2) })];
  if (playable) {
    const button = element("button", { type: "button", className: "button small", text: "Play", "aria-label": `Play ${path}` });
    button.addEventListener("click", () => toggleSimilar(path, button));
    parts.unshift(button);
  }
  return element("li", {}, ...parts);
}

async function toggleSimilar(path, button) {
  const mine = playing?.button === button;
  stopSimilar();
  if (mine) return;
  deck.stop();
  button.disabled = true;
  try {
    const url = URL.createObjectURL(await similarAudio(path));
    const audio = new Audio(url);
    stopSimilar(); // another one may have begun meanwhile
    playing = { audio, button, url };
    audio.addEventListener("ended", stopSimilar);
    button.textContent = "Stop";
    button.setAttribute("aria-label", `Stop ${path}`);
    await audio.play();
  } catch (error) {
    if (error.name === "AbortError") return; // stopped before it began
    stopSimilar();
    $("similar-note").textContent = `${error.title ?? "It cannot be played"}: ${error.message}`;
  } finally {
    button.disabled = false;
  }
}

function stopSimilar() {
  if (!playing) return;
  const { audio, button, url } = playing;
  playing = null;
  audio.pause();
  URL.revokeObjectURL(url);
  button.textContent = "Play";
  button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^Stop/, "Play"));
}

let recorder = null;

async function toggleRecording() {
  if (recorder) {
    recorder.stop();
    return;
  }
  $("problem").hidden = true;
  let stream;
  try {
    stream = await openMicrophone();
  } catch (error) {
    current = null;
    fail(error);
    return;
  }
  const parts = [];
  const begin = performance.now();
  recorder = new MediaRecorder(stream);
  const ticking = setInterval(() => {
    $("record-text").textContent = `Stop and ask (${Math.round((performance.now() - begin) / 1000)} s)`;
  }, 250);
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => {
    clearInterval(ticking);
    stream.getTracks().forEach((one) => one.stop());
    const { mimeType } = recorder;
    recorder = null;
    $("record").setAttribute("aria-pressed", "false");
    $("record-text").textContent = "Record";
    analyse(new File(parts, `recording.${mimeType.includes("mp4") ? "m4a" : mimeType.includes("ogg") ? "ogg" : "webm"}`, { type: mimeType }));
  };
  recorder.start();
  $("record").setAttribute("aria-pressed", "true");
  $("record-text").textContent = "Stop and ask";
}

/** The microphone as music needs it: without the processing that is meant for speech. */
export async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.MediaRecorder) {
    throw new Problem("This page may not use a microphone", "Browsers allow it only over https or on this machine.", "Open the page at localhost or over https, or choose a file.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) {
    if (error.name === "NotFoundError") throw new Problem("There is no microphone", "The browser found none.", "Plug one in and try again, or choose a file.");
    throw new Problem("The microphone is not allowed", "The browser or somebody at it said no.", "Allow the microphone for this page in the browser's site settings, or choose a file.");
  }
}

export function wire() {
  deck.wire();
  why.wire();
  const input = $("file");
  input.addEventListener("change", () => {
    if (input.files.length) analyse(input.files[0]);
    input.value = "";
  });
  $("record").addEventListener("click", toggleRecording);
  $("cancel").addEventListener("click", () => {
    abort.abort();
    $("busy").hidden = true;
  });
  $("retry").addEventListener("click", () => analyse(current.file));
  $("more-genres").addEventListener("click", () => showBars($("more-genres").getAttribute("aria-expanded") !== "true"));
  $("whole").addEventListener("click", () => listenToAll(abort.signal));
}

/** Offer synthetic tracks as long as nothing was asked. */
export async function offerDemos() {
  try {
    const tracks = await demos();
    $("demo").append(...tracks.map((one) => {
      const button = element("button", { type: "button", className: "button small", text: one.genre, "aria-label": `Try the synthetic ${one.genre} track` });
      button.addEventListener("click", async () => {
        button.disabled = true;
        try {
          await analyse(await demo(one));
        } catch (error) {
          fail(error);
        } finally {
          button.disabled = false;
        }
      });
      return button;
    }));
    $("demo").hidden = current !== null;
  } catch {
    $("demo").hidden = true; // an older server: the page does without
  }
}

/** Whether the server has an index to look for similar tracks in. */
export async function lookForIndex() {
  try {
    const info = await indexInfo();
    hasIndex = info.tracks > 0;
    playable = info.playable === true;
  } catch {
    hasIndex = false; // an older server, or one without an index: the page does without
  }
}
