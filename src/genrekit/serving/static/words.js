// Numbers as words, and genres as colours: one voice for the whole page.

export const percent = (p) => `${p > 0 && p < 0.01 ? "<1" : Math.round(p * 100)} %`;

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Genres best first, as [name, probability]. */
export const ranked = (scores) => Object.entries(scores).sort((a, b) => b[1] - a[1]);

/** How sure an answer is, said plainly; `unknown` is an answer. */
export function sentence(prediction) {
  const [first, second] = ranked(prediction.scores);
  if (!first) return "";
  if (prediction.genre === "unknown" || prediction.genre === null) {
    const closest = second ? `${first[0]} (${percent(first[1])}) and ${second[0]} (${percent(second[1])})` : `${first[0]} (${percent(first[1])})`;
    return `It fits none of the genres well enough to say. Closest: ${closest}.`;
  }
  if (prediction.genres.length > 1) return `Several genres at once; the surest is ${first[0]}, ${percent(first[1])}.`;
  if (first[1] >= 0.8) return `It is quite sure: ${percent(first[1])}.`;
  if (!second || first[1] - second[1] > 0.25) return `Probably, with ${percent(first[1])}${second ? `. Next is ${second[0]}, ${percent(second[1])}` : ""}.`;
  if (first[1] - second[1] > 0.1) return `Leaning this way with ${percent(first[1])}. It could be ${second[0]}, ${percent(second[1])}.`;
  return `A close call: ${percent(first[1])}, and ${second[0]} has ${percent(second[1])}.`;
}

let order = [];
export const setLabels = (labels) => { order = labels; };
export const labels = () => order;

// Seven of Okabe and Ito and three between them: ten genres are told apart with any kind of sight.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#9966ff", "#993300", "#663366"];

/** A colour for one of a few things that are not genres of the model. */
export const colourAt = (place) => COLOURS[place % COLOURS.length];

/** A colour for a genre, the same everywhere on the page; beyond ten, hues spread over the labels. */
export function colour(genre, alpha = 1) {
  const place = order.indexOf(genre);
  if (place < 0) return `oklch(0.65 0 0 / ${alpha})`;
  if (order.length <= COLOURS.length) return COLOURS[place] + Math.round(alpha * 255).toString(16).padStart(2, "0");
  const hue = (65 + (360 * place) / Math.max(1, order.length)) % 360;
  return `oklch(${place % 2 ? 0.64 : 0.76} 0.15 ${hue.toFixed(1)} / ${alpha})`;
}

/** An element with text and children; text is never read as HTML. */
export function element(name, { text, ...properties } = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "scope") made.setAttribute(key, value);
    else made[key] = value;
  }
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

/** Bars of probabilities, best first. */
export function drawBars(list, scores, { told = [], most = Infinity, threshold = 0 } = {}) {
  const rows = ranked(scores).slice(0, most).map(([genre, p]) => {
    const fill = element("span", { className: "fill" });
    fill.style.setProperty("--p", p);
    fill.style.setProperty("--colour", colour(genre));
    const track = element("span", { className: "groove", "aria-hidden": "true" }, fill);
    if (threshold > 0) {
      const mark = element("span", { className: "mark" });
      mark.style.setProperty("--p", threshold);
      track.append(mark);
    }
    const row = element("li", { className: told.includes(genre) ? "told" : "" },
      element("span", { className: "name", text: genre }), track, element("span", { className: "value", text: percent(p) }));
    return row;
  });
  list.replaceChildren(...rows);
}

/** The tuner dial: one station a genre, lit by its probability; the needle is the answer. */
export function drawDial(dial, scores = {}, genre = null) {
  const known = order.length ? order : Object.keys(scores);
  const names = known.length <= 16 ? known : ranked(scores).slice(0, 12).map(([name]) => name);
  dial.hidden = !names.length;
  const best = Math.max(0.001, ...Object.values(scores));
  const stations = names.map((name) => {
    const station = element("span", { className: `station${name === genre ? " tuned" : ""}`, text: name });
    station.style.setProperty("--p", (scores[name] ?? 0) / best);
    station.style.setProperty("--colour", colour(name));
    return station;
  });
  const needle = dial.querySelector(".needle") ?? element("span", { className: "needle" });
  const place = names.indexOf(genre);
  needle.classList.toggle("off", place < 0);
  needle.style.setProperty("--at", place < 0 ? 0 : (place + 0.5) / names.length);
  dial.style.setProperty("--n", names.length);
  dial.replaceChildren(...stations, needle);
}

/** A canvas that is sharp on this screen; gives its context and its size in CSS pixels. */
export function sharp(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height };
}

/** Letters on a colour: the second cue for those who do not tell the colours apart. */
function label(context, text, x, y) {
  context.font = "600 10px system-ui, sans-serif";
  context.lineWidth = 3;
  context.strokeStyle = "rgb(255 255 255 / 0.85)";
  context.strokeText(text, x, y);
  context.fillStyle = "#111";
  context.fillText(text, x, y);
}

/** A river of genres: each segment is a column, split by probability. */
export function drawRiver(canvas, segments, seconds) {
  const { context, width, height } = sharp(canvas);
  context.clearRect(0, 0, width, height);
  segments.forEach((segment, number) => {
    const end = segments[number + 1]?.start_seconds ?? segment.end_seconds;
    const x = (segment.start_seconds / seconds) * width;
    const wide = Math.max(1, ((end - segment.start_seconds) / seconds) * width - 1);
    let y = height;
    for (const [genre, p] of ranked(segment.scores)) {
      const tall = p * height;
      context.fillStyle = colour(genre);
      context.fillRect(x, y - tall, wide, tall);
      if (tall >= 12 && wide >= 22) label(context, genre.slice(0, 3), x + 3, y - 3);
      y -= tall;
    }
  });
}

export function drawLegend(list, segments) {
  const found = new Map();
  for (const segment of segments) for (const [genre, p] of ranked(segment.scores).slice(0, 3)) if (p > 0.1) found.set(genre, (found.get(genre) ?? 0) + p);
  const items = [...found].sort((a, b) => b[1] - a[1]).slice(0, 8).map(([genre]) => {
    const dot = element("i");
    dot.style.setProperty("--colour", colour(genre));
    return element("li", {}, dot, genre);
  });
  list.replaceChildren(...items);
}
