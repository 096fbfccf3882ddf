// Talks to the server: uploads with progress, refusals as problems that say what to do.

import { Problem } from "./problem.js";

const BASE = "/api/v1";
const KEY = "genrekit-key";
const TRIES = 5;

/** Whether an answer can be explained. */
export const explains = true;

const SAID = {
  0: ["The server does not answer", "Check that genrekit serve is running and that you are online, then try again."],
  400: ["The request was not understood", "Reload the page and try again."],
  401: ["A key is needed", "Ask whoever runs this server for an API key."],
  404: ["This server does not offer that", "A newer genrekit may."],
  408: ["The upload was too slow", "Try again on a better connection, or send a shorter piece."],
  413: ["The file is too much", "Send a shorter piece, or compress it."],
  415: ["This is not audio", "Choose a music file: MP3, FLAC, WAV, Ogg, M4A, WebM."],
  422: ["There is nothing to listen to", "Choose another file, or one that plays from start to end."],
  429: ["Too many requests", "Wait a moment, then try again."],
  503: ["The server is busy", "Wait a moment, then try again."],
};

/** The problem behind an answer that is not a success. */
export function problemOf(status, body, retryAfter) {
  const [title, advice] = SAID[status] ?? ["Something went wrong in the server", "Try again; if it stays, its log says why."];
  let text = "";
  try {
    text = JSON.parse(body).error.message;
  } catch {
    text = status ? `The answer was ${status}.` : "There was no answer.";
  }
  return new Problem(title, text, advice, { status, retrySeconds: Number(retryAfter) || 0 });
}

export const getKey = () => sessionStorage.getItem(KEY) ?? "";

let asking = null; // several requests may be refused at once; people are asked once

function askForKey(tried) {
  asking ??= showKeyDialog(tried).finally(() => { asking = null; });
  return asking;
}

function showKeyDialog(tried) {
  const dialog = document.getElementById("key-dialog");
  document.getElementById("key-title").textContent = tried || getKey() ? "This key is not known here" : "This server wants a key";
  const field = document.getElementById("key");
  field.value = "";
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "use" ? field.value.trim() : "";
      if (given) sessionStorage.setItem(KEY, given);
      resolve(Boolean(given));
    }, { once: true });
  });
}

function sendOnce(method, path, { body, onUpload, signal, sound }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch cannot tell how much was sent
    request.open(method, BASE + path);
    if (sound) request.responseType = "blob";
    if (getKey()) request.setRequestHeader("X-API-Key", getKey());
    if (onUpload) request.upload.onprogress = (event) => event.lengthComputable && onUpload(event.loaded / event.total);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(sound ? request.response : JSON.parse(request.responseText));
      else reject(problemOf(request.status, sound ? "" : request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(problemOf(0, "", 0));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    if (signal?.aborted) reject(new DOMException("cancelled", "AbortError"));
    else request.send(body ?? null);
  });
}

async function send(method, path, options = {}) {
  try {
    return await sendOnce(method, path, options);
  } catch (problem) {
    if (problem.status !== 401 || !(await askForKey(options.tried))) throw problem;
    options = { ...options, tried: true };
    return send(method, path, options);
  }
}

const query = (options) => new URLSearchParams(Object.entries(options).filter(([, value]) => value !== undefined && value !== ""));

/** A TrackPrediction for a File. */
export const predict = (file, options = {}, hooks = {}) =>
  send("POST", `/analysis/predict?${query({ name: file.name, ...options })}`, { body: file, ...hooks });

/** What a genre rests on in a File. */
export const explain = (file, options = {}, hooks = {}) =>
  send("POST", `/analysis/explain?${query({ name: file.name, ...options })}`, { body: file, ...hooks });

/** A File in numbers, and what is learnt from piles of such songs. */
export const embed = (file) => send("POST", `/learn/embed?${query({ name: file.name })}`, { body: file });
export const learnPiles = (piles) => send("POST", "/learn", { body: new Blob([JSON.stringify(piles)], { type: "application/json" }) });

/** Similar tracks of the index; a Problem with status 404 where there is none. */
export const similar = (file, options = {}, hooks = {}) =>
  send("POST", `/similar?${query({ name: file.name, ...options })}`, { body: file, ...hooks });

/** The middle of one of them, as a blob. */
export const similarAudio = (path) => send("GET", `/similar/audio?${query({ path })}`, { sound: true });

export const indexInfo = () => send("GET", "/similar");
/** Synthetic tracks to try, and one of them as a File. */
export const demos = () => send("GET", "/demo");
export const demo = async ({ genre, name }) => new File([await send("GET", `/demo/${genre}`, { sound: true })], name, { type: "audio/flac" });

export const models = () => send("GET", "/models");
export const version = () => send("GET", "/version");

/** Ask again, as often as is polite, while the server has no room. */
export async function withRetries(ask, signal) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const busy = error.status === 503 || error.status === 429;
      if (!busy || attempt >= TRIES || signal.aborted) throw error;
      await pause(1000 * Math.max(1, error.retrySeconds), signal);
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const waiting = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(waiting); resolve(); }, { once: true });
  });
}

/** A WebSocket for live audio, before its hello. */
export function openStream() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(`${scheme}//${location.host}${BASE}/stream`);
}
