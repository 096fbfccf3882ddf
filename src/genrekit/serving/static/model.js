// Who answers: cards of the models, with the numbers that are honest first.

import { models, version } from "./api.js";
import { colour, drawDial, element, percent, setLabels } from "./words.js";

const $ = (id) => document.getElementById(id);
const SHORT = 80; // characters of a fact that stands beside others
let cards = [];

/** The card behind the identity in a prediction. */
export const modelOf = (identity) => cards.find((one) => one.sha256 === identity?.sha256);

/** Load the cards; gives false when the server keeps them to itself. */
export async function load() {
  try {
    cards = await models();
  } catch (error) {
    $("model-card").replaceChildren(element("div", { className: "notice", role: "alert" },
      element("h2", { text: error.title }), element("p", { text: error.message }), element("p", { text: error.advice })));
    return;
  }
  setLabels(cards[0].manifest.labels);
  drawDial($("dial"));
  const choice = $("model-choice");
  choice.replaceChildren(...cards.map((card) => element("option", { value: card.model, text: `${card.name} ${card.version}` })));
  $("model-choice-row").hidden = cards.length < 2;
  choice.onchange = () => show(cards.find((one) => one.model === choice.value));
  show(cards[0]);
  version().then((one) => {
    $("version").textContent = `genrekit ${one.genrekit}`;
    if (!one.keeps_audio) return;
    $("drop-hint").textContent = "MP3, FLAC, WAV, Ogg, Opus, M4A and more. This server keeps what it is sent, to learn from what people say of its answers.";
    $("kept").textContent = "Audio goes to this server only, which keeps it to learn from feedback.";
  }, () => {});
}

/** The number to believe: the first that is of audio, and of tracks that it was not trained on. */
export const fromAudio = (metrics) => metrics.results.find((one) => !one.leaky && !/\.(csv|tsv|npz|parquet|arff)$/i.test(one.dataset));

function believed(metrics) {
  const result = fromAudio(metrics);
  if (!result) return "No number here is of audio; of your own music none of them says how often the model is right.";
  const { value, low, high } = result.accuracy;
  return `Believe ${percent(value)} (between ${percent(low)} and ${percent(high)}): it is of audio, ${result.items} ${result.unit}s of ${result.dataset} under ${result.protocol}. The others are of other data or other questions; music unlike what it was trained on may do worse.`;
}

function show(card) {
  const { manifest, metrics } = card;
  const honest = metrics.results.find((one) => !one.leaky) ?? metrics.results[0];
  $("model-card").replaceChildren(
    element("h2", { className: "model-name", text: `${card.name} ${card.version}` }),
    element("p", { className: "lead", text: manifest.description }),
    element("p", { className: "believe", id: "believe", text: believed(metrics) }),
    element("div", { className: "numbers" }, ...distinct(metrics.results).map(number)),
    element("h3", { text: "How well it knows each genre" }),
    genres(honest),
    ...(honest.confusion.length ? [element("h3", { text: "What it takes for what" }), confusion(honest)] : []),
    facts(card),
    element("details", {}, element("summary", { text: "The whole card" }), element("pre", { className: "card-text", tabIndex: 0, text: card.card })),
  );
}

/** Results without those that would read the same. */
function distinct(results) {
  const said = (one) => [one.protocol, one.dataset, one.items, percent(one.accuracy.value), percent(one.accuracy.low), percent(one.accuracy.high)].join();
  return results.filter((one, number) => results.findIndex((other) => said(other) === said(one)) === number);
}

function number(result) {
  const { value, low, high } = result.accuracy;
  const range = element("span", { className: "range", "aria-hidden": "true" }, element("i"));
  range.style.setProperty("--low", low);
  range.style.setProperty("--high", high);
  range.style.setProperty("--p", value);
  return element("div", { className: result.leaky ? "number-card leaky" : "number-card" },
    element("p", { className: "big", text: percent(value) }), range,
    element("p", { text: `right, between ${percent(low)} and ${percent(high)}` }),
    element("p", { className: "quiet", text: `${result.items} ${result.unit}s of ${result.dataset}, ${result.protocol}` }),
    element("p", { className: "quiet", text: result.leaky ? "Flattering: parts of the tested tracks were trained on. Shown because others report it." : "Tracks that it was not trained on." }));
}

function genres(result) {
  const rows = [...result.per_genre].sort((a, b) => b.f1 - a.f1).map((one) => {
    const fill = element("span", { className: "fill" });
    fill.style.setProperty("--p", one.f1);
    fill.style.setProperty("--colour", colour(one.genre));
    return element("li", {}, element("span", { className: "name", text: one.genre }),
      element("span", { className: "groove", "aria-hidden": "true" }, fill), element("span", { className: "value", text: one.f1.toFixed(2) }));
  });
  return element("ol", { className: "bars two-columns", "aria-label": "F1 of each genre" }, ...rows);
}

function confusion({ labels, confusion: counts }) {
  const head = element("tr", {}, element("td"), ...labels.map((text) => element("th", { scope: "col" }, element("span", { text }))));
  const rows = counts.map((row, number) => {
    const sum = row.reduce((a, b) => a + b, 0) || 1;
    return element("tr", {}, element("th", { scope: "row", text: labels[number] }), ...row.map((count, column) => {
      const cell = element("td", { text: count || "", className: number === column ? "hit" : "miss" });
      cell.style.setProperty("--p", count / sum);
      return cell;
    }));
  });
  return element("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Rows are true genres, columns are answers" },
    element("table", { className: "confusion" }, element("caption", { className: "quiet", text: "Rows are the true genres, columns the answers." }), element("thead", {}, head), element("tbody", {}, ...rows)));
}

function facts({ manifest, sha256 }) {
  const origin = manifest.provenance;
  const pairs = {
    Kind: manifest.architecture,
    "Listens to": `windows of ${manifest.windows.window_seconds} s`,
    "Says unknown": manifest.unknown_below ? `below ${percent(manifest.unknown_below)}` : "never",
    "Trained on": `${origin.tracks} tracks of ${origin.dataset}`,
    "Licence of the data": origin.data_licence,
    "Licence of the model": manifest.licence,
    Fingerprint: sha256.slice(0, 16),
  };
  return element("dl", { className: "facts-list" }, ...Object.entries(pairs).map(([name, text]) => element("div", { className: String(text).length > SHORT ? "long" : "" }, element("dt", { text: name }), element("dd", { text }))));
}
