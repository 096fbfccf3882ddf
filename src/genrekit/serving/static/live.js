// Genres while the music plays: microphone or a playing file, over the WebSocket.

import { getKey, openStream } from "./api.js";
import { openMicrophone } from "./track.js";
import { drawBars, drawLegend, drawRiver, element, sentence, sharp } from "./words.js";

const EVERY_MS = 250;
const FRAME_MS = 40; // fast enough for the eye, and leaves the processor to the music
const NEEDED_BYTES = 1 << 20; // waiting to be sent: more means that the line is too slow
const LOWEST_BIN = 6; // with FFT_SIZE, near 70 Hz
const FFT_SIZE = 4096;
const $ = (id) => document.getElementById(id);
let session = null;

async function begin(open) {
  end();
  $("live-problem").hidden = true;
  const mine = { verdicts: [], windowSeconds: 0, firstSeconds: 0, started: 0 };
  session = mine;
  try {
    mine.context = new AudioContext();
    Object.assign(mine, await open(mine.context));
    if (session !== mine) return release(mine);
  } catch (error) {
    session = null;
    release(mine);
    fail(error.title ?? "It cannot be played", error.message, error.advice ?? "Choose another file.");
    return;
  }
  const socket = openStream();
  mine.socket = socket;
  socket.onopen = () => socket.send(JSON.stringify({ type: "hello", format: "container", name: mine.name, key: getKey() }));
  socket.onmessage = (event) => receive(mine, JSON.parse(event.data));
  socket.onclose = (event) => {
    if (session === mine && !mine.over) fail("The stream has ended", closing(event.code), "Begin again; if it stays, send the file on the first tab.");
    stopAudio(mine);
  };
  $("dashboard").hidden = $("live-stop").hidden = false;
  $("live-stop").disabled = $("live-wait").hidden = false;
  $("dashboard").classList.add("waiting");
  $("live-genre").textContent = "Listening";
  $("live-sentence").textContent = "";
  $("live-bars-title").textContent = "So far";
  $("live-bars").replaceChildren();
  $("live-legend").replaceChildren();
  say("Connecting");
  drawRiver($("live-river"), [], 1);
  draw(mine);
}

function closing(code) {
  return { 1006: "The server does not answer, or takes no more live streams.", 1008: "It wants a key, or nothing arrived for a while.", 1013: "There is no room for another stream." }[code] ?? `The connection closed (${code}).`;
}

function receive(mine, message) {
  if (mine !== session) return;
  if (message.type === "ready") {
    mine.windowSeconds = message.ready.window_seconds;
    mine.firstSeconds = message.ready.first_seconds;
    record(mine);
  } else if (message.type === "verdict") {
    $("dashboard").classList.remove("waiting");
    mine.verdicts.push(message.verdict);
    $("live-genre").textContent = message.verdict.genre;
    $("live-sentence").textContent = soFar(mine, message.verdict);
    drawBars($("live-bars"), message.verdict.scores, { most: 6, told: message.verdict.genres });
    showRiver(mine);
  } else if (message.type === "prediction") {
    mine.over = true;
    $("dashboard").classList.remove("waiting");
    const { prediction } = message;
    $("live-genre").textContent = prediction.genre ?? "unknown";
    $("live-sentence").textContent = `${sentence(prediction)} ${asFile(mine, prediction)}`.trim();
    $("live-bars-title").textContent = "All in all";
    drawBars($("live-bars"), prediction.scores, { most: 6, told: prediction.genres });
    say("Finished");
    $("live-stop").hidden = $("live-wait").hidden = true;
  } else if (message.type === "error") {
    mine.over = true;
    fail("The stream has ended", message.error.message, message.error.type === "AudioContentError" ? "Let it listen for a few seconds more." : "Begin again in a moment.");
  }
}

const whole = (seconds) => `${Math.round(seconds)} s`;

/** What is said after some seconds; less than a window is less than the model is made for. */
function soFar(mine, verdict) {
  const basis = verdict.seconds < mine.windowSeconds - 0.05
    ? `From the first ${whole(verdict.seconds)}; the model is made for ${whole(mine.windowSeconds)}, so this may still change.`
    : `From ${whole(verdict.seconds)} so far.`;
  return `${sentence(verdict)} ${basis}`;
}

/** Where the file of a stream is judged by a part of it, what all of it said. */
function asFile(mine, prediction) {
  const last = mine.verdicts.at(-1);
  if (!last || last.seconds < prediction.seconds + 1) return "";
  const same = last.genre === prediction.genre ? "and so did all that came" : `while all that came said ${last.genre}`;
  return `As for a file, ${whole(prediction.seconds)} from its middle decided this, ${same}.`;
}

function record(mine) {
  mine.recorder = new MediaRecorder(mine.stream);
  mine.recorder.ondataavailable = async (event) => {
    if (!event.data.size || mine.socket.readyState !== WebSocket.OPEN) return;
    if (mine.socket.bufferedAmount > NEEDED_BYTES) {
      mine.over = true;
      mine.socket.close();
      fail("The connection is too slow", "The music plays faster than it can be sent.", "Send the file on the first tab.");
      return;
    }
    mine.socket.send(event.data);
  };
  // The last piece of audio is handed out before this, so the end comes after it.
  mine.recorder.onstop = () => mine.socket.readyState === WebSocket.OPEN && mine.socket.send(JSON.stringify({ type: "end" }));
  mine.recorder.start(EVERY_MS);
  mine.started = performance.now();
  mine.play?.();
  say(mine.play ? `Playing ${mine.name}` : "Listening to the microphone");
}

/** How the answer grew: what was said from one verdict to the next. */
function showRiver(mine) {
  const { verdicts } = mine, columns = verdicts.map((one, number) => ({ start_seconds: verdicts[number - 1]?.seconds ?? 0, end_seconds: one.seconds, scores: one.scores }));
  drawRiver($("live-river"), columns, verdicts.at(-1).seconds);
  drawLegend($("live-legend"), columns);
  $("live-river").setAttribute("aria-label", `What was said so far: ${changes(verdicts)}`);
}

/** Each change of mind once. */
function changes(verdicts) {
  const kept = verdicts.filter((one, number) => one.genre !== verdicts[number - 1]?.genre);
  return kept.map((one) => `${one.genre} after ${whole(one.seconds)}`).join(", ");
}

function draw(mine) {
  if (mine !== session || mine.over || !mine.analyser) return;
  if (mine.spectrum?.width !== $("spectrum").clientWidth) mine.spectrum = sharp($("spectrum"));
  const { context, width, height } = mine.spectrum;
  context.clearRect(0, 0, width, height);
  const levels = new Uint8Array(mine.analyser.frequencyBinCount);
  mine.analyser.getByteFrequencyData(levels);
  const bars = Math.max(16, Math.floor(width / 7));
  context.fillStyle = getComputedStyle($("spectrum")).color;
  for (let bar = 0; bar < bars; bar++) {
    const bin = Math.floor(LOWEST_BIN * (levels.length / LOWEST_BIN) ** (bar / bars));
    const tall = Math.max(2, (levels[bin] / 255) * height);
    context.fillRect(bar * 7, height - tall, 5, tall);
  }
  if (mine.started && mine.windowSeconds) showWait(mine, (performance.now() - mine.started) / 1000);
  setTimeout(() => requestAnimationFrame(() => draw(mine)), FRAME_MS);
}

/** How long until the first words, and then until there is a whole window. */
function showWait(mine, seconds) {
  const until = mine.verdicts.length ? mine.windowSeconds : mine.firstSeconds;
  $("live-wait").hidden = mine.verdicts.length > 0 && seconds >= until;
  $("live-wait").value = Math.min(1, seconds / until);
  if (mine.verdicts.length) return;
  const left = Math.ceil(mine.firstSeconds - seconds);
  $("live-sentence").textContent = left > 0 ? `First words after ${Math.ceil(mine.firstSeconds)} s of music: ${left} s to go.` : "Thinking.";
}

function say(text) {
  $("live-status").textContent = text;
}

function fail(title, text, advice) {
  $("live-problem").hidden = false;
  $("live-problem").replaceChildren(element("h2", { text: title }), element("p", { text }), element("p", { text: advice }));
  $("live-stop").hidden = true;
  if (session) stopAudio(session);
  say("");
}

function stopAudio(mine) {
  if (mine.recorder?.state === "recording") mine.recorder.stop();
  $("live-player").pause();
  release(mine);
}

function release(mine) {
  mine.stream?.getTracks().forEach((one) => one.stop());
  if (mine.context?.state !== "closed") mine.context?.close();
}

function sumUp() {
  if (!session) return;
  say("Summing up");
  $("live-stop").disabled = true;
  stopAudio(session);
}

/** Leave the stream without an answer. */
export function end() {
  if (!session) return;
  const mine = session;
  session = null;
  mine.over = true;
  mine.socket?.close();
  stopAudio(mine);
  $("live-stop").hidden = true;
}

async function microphone(context) {
  const stream = await openMicrophone();
  const analyser = new AnalyserNode(context, { fftSize: FFT_SIZE });
  context.createMediaStreamSource(stream).connect(analyser);
  return { stream, analyser, name: "microphone" };
}

async function playing(context, file) {
  // An element feeds one context for life, so each file gets an element of its own.
  const old = $("live-player");
  const player = old.cloneNode();
  URL.revokeObjectURL(old.src);
  player.src = URL.createObjectURL(file);
  old.replaceWith(player);
  await new Promise((resolve, reject) => {
    player.oncanplay = resolve;
    player.onerror = () => reject(new Error(`This browser cannot play ${file.name}.`));
  });
  const source = context.createMediaElementSource(player);
  const analyser = new AnalyserNode(context, { fftSize: FFT_SIZE });
  const out = context.createMediaStreamDestination();
  source.connect(analyser);
  source.connect(out);
  source.connect(context.destination);
  player.onended = sumUp;
  return { stream: out.stream, analyser, name: file.name, play: () => player.play() };
}

export function wire() {
  $("live-microphone").addEventListener("click", () => begin(microphone));
  $("live-stop").addEventListener("click", sumUp);
  const input = $("live-file");
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.value = "";
    if (file) begin((context) => playing(context, file));
  });
}
