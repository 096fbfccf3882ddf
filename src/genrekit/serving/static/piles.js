// Genres of one's own: piles of songs in numbers, which only this page holds.

import { learnPiles, embed, withRetries } from "./api.js";
import { colour, colourAt, element, percent } from "./words.js";

const MOST_PILES = 10, FEWEST_SONGS = 2, SMALLEST = 1e-4;
const never = new AbortController().signal;
const $ = (id) => document.getElementById(id);
const piles = []; // { name, songs: [{ name, state, song }], list, input }
let learnt = null, version = 0;
const asked = []; // { name, song, row }

const numbers = (text) => new Float32Array(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);

/** Probabilities of a song, as the server would give them. */
export function verdict(model, song) {
  const rows = numbers(song.embedding), weights = numbers(model.weights), n = model.labels.length;
  const sums = new Array(n).fill(0);
  for (let window = 0; window < song.windows; window += 1) {
    const scores = [...model.bias];
    for (let column = 0; column < model.columns; column += 1)
      for (let label = 0; label < n; label += 1) scores[label] += rows[window * model.columns + column] * weights[column * n + label];
    const likely = softmax(scores), other = song.not_music[window];
    for (let label = 0; label < n; label += 1) sums[label] += Math.log(Math.max((1 - other) * likely[label] + other / n, SMALLEST));
  }
  return softmax(sums.map((one) => one / song.windows / model.temperature));
}

function softmax(scores) {
  const most = Math.max(...scores), powers = scores.map((one) => Math.exp(one - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((one) => one / sum);
}

function addPile(name = "") {
  if (piles.length >= MOST_PILES) return;
  const number = piles.length + 1;
  const pile = { name, songs: [] };
  const label = element("label", { className: "visually-hidden", text: `Name of pile ${number}` });
  const field = element("input", { type: "text", value: name, placeholder: `Pile ${number}`, maxLength: 60, id: `pile-name-${number}` });
  label.htmlFor = field.id;
  field.addEventListener("input", () => { pile.name = field.value.trim(); forget(); });
  pile.input = element("input", { type: "file", multiple: true, className: "visually-hidden", id: `pile-files-${number}`, accept: "audio/*,.mp3,.flac,.wav,.ogg,.opus,.m4a,.aac,.wma" });
  pile.input.addEventListener("change", () => { addSongs(pile, [...pile.input.files]); pile.input.value = ""; });
  const choose = element("label", { className: "button small", text: "Add songs" });
  choose.htmlFor = pile.input.id;
  pile.list = element("ul", { className: "pile-songs" });
  pile.box = element("div", { className: "pile" }, label, field, pile.input, choose, pile.list);
  piles.push(pile);
  $("piles").append(pile.box);
  $("pile-add").hidden = piles.length >= MOST_PILES;
  refresh();
}

async function addSongs(pile, files) {
  forget();
  const fresh = files.map((file) => ({ file, name: file.name, state: "Waiting" }));
  pile.songs.push(...fresh);
  for (const song of fresh) {
    song.state = "Listening";
    show(pile);
    try {
      song.song = await withRetries(() => embed(song.file), never);
      song.state = "";
    } catch (error) {
      song.state = `${error.title ?? "Failed"}: ${error.message}`;
    }
    delete song.file;
    show(pile);
    refresh();
  }
}

function show(pile) {
  pile.list.replaceChildren(...pile.songs.map((song) => {
    const drop = element("button", { className: "link", type: "button", text: "remove" });
    drop.setAttribute("aria-label", `Remove ${song.name}`);
    drop.addEventListener("click", () => { pile.songs.splice(pile.songs.indexOf(song), 1); forget(); show(pile); refresh(); });
    return element("li", { className: song.doubt || song.state ? "quiet" : "" }, `${song.name} ${song.state || song.doubt || ""} `, drop);
  }));
}

function forget() {
  learnt = null;
  version += 1; // what is being learnt is of piles that were
  $("pile-status").textContent = "";
  for (const pile of piles) for (const song of pile.songs) song.doubt = "";
  $("pile-verdicts").hidden = true;
  refresh();
}

const ready = (pile) => pile.songs.filter((song) => song.song);
const used = () => piles.filter((pile) => ready(pile).length);

function refresh() {
  const filled = used();
  const good = filled.length >= 2 && filled.every((pile) => pile.name && ready(pile).length >= FEWEST_SONGS);
  $("pile-learn").disabled = !good;
  $("pile-hint").textContent = good ? "" : "Name at least two piles and put two songs or more on each; five are better.";
}

async function learn() {
  const filled = used(), mine = version;
  $("pile-status").textContent = "Learning";
  $("pile-learn").disabled = true;
  let found;
  try {
    found = await learnPiles({ piles: filled.map((pile) => ({ name: pile.name, songs: ready(pile).map((one) => one.song.embedding) })) });
  } catch (error) {
    if (mine === version) $("pile-status").textContent = `${error.title ?? "Failed"}: ${error.message}`;
    return;
  } finally {
    refresh();
  }
  if (mine !== version) return;
  learnt = found;
  const { accuracy, songs, majority, wrong } = learnt;
  $("pile-status").textContent = `Of ${songs} songs, each judged by a model that did not learn from it, ${percent(accuracy.value)} are put on the right pile (with so few, anything from ${percent(accuracy.low)} to ${percent(accuracy.high)}; always saying the largest pile gets ${percent(majority)}). Songs of one artist on a pile make this look too good.`;
  for (const { pile, song, heard } of wrong) ready(filled[pile])[song].doubt = `(sounds like ${heard})`;
  for (const pile of piles) show(pile);
  $("pile-verdicts").hidden = false;
  for (const one of asked) tell(one);
  $("pile-ask-title").focus();
}

async function ask(files) {
  for (const file of files) {
    const one = { name: file.name, row: element("tr") };
    $("pile-rows").append(one.row);
    asked.push(one);
    tell(one, "Listening");
    try {
      one.song = await withRetries(() => embed(file), never);
      tell(one);
    } catch (error) {
      tell(one, `${error.title ?? "Failed"}: ${error.message}`);
    }
  }
}

function tell(one, state = "") {
  const head = element("th", { scope: "row", text: one.name, title: one.name });
  if (!learnt || !one.song) {
    const cell = element("td", { className: "quiet", text: state || "Learn first" });
    cell.colSpan = 3;
    one.row.replaceChildren(head, cell);
    return;
  }
  const order = verdict(learnt, one.song).map((p, label) => [learnt.labels[label], p]).sort((a, b) => b[1] - a[1]);
  const [[best, p], ...rest] = order, told = p < learnt.unknown_below ? "unknown" : best;
  const dot = element("i");
  dot.style.setProperty("--colour", told === "unknown" ? colour(told) : colourAt(learnt.labels.indexOf(told)));
  one.row.replaceChildren(head,
    element("td", { className: told === "unknown" ? "unknown" : "" }, dot, told),
    element("td", { className: "number", text: percent(p) }),
    element("td", { className: "quiet", text: rest.slice(0, 2).map(([name, q]) => `${name} ${percent(q)}`).join(", ") }));
}

/** Files that were dropped while this tab is open: on a pile, or anywhere else. */
export function dropped(files, target) {
  const under = piles.find((pile) => pile.box.contains(target));
  if (under) addSongs(under, files);
  else if (learnt) ask(files);
  else addSongs(piles.find((pile) => !pile.songs.length) ?? piles[0], files);
}

export function wire() {
  addPile();
  addPile();
  $("pile-add").addEventListener("click", () => addPile());
  $("pile-learn").addEventListener("click", learn);
  const input = $("pile-ask");
  input.addEventListener("change", () => { ask([...input.files]); input.value = ""; });
}
