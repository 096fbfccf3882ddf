"""Put the measured numbers into README.md, docs/start.md and docs/results/summary.md.

    python benchmarks/readme.py          # rewrite the sections between markers
    python benchmarks/readme.py --check  # exit with 1 if they are out of date

Sources: the packaged model's metrics.json, and docs/results/{features_30_sec,course_10s,claims,
speed}.json. None is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from genrekit.bundles import load_bundle
from genrekit.pages import p_value
from genrekit.reports.comparing import TESTS
from genrekit.schema import Estimate, EvaluationResult

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "docs" / "results"
README = REPOSITORY / "README.md"
START = REPOSITORY / "docs" / "start.md"
SUMMARY = RESULTS / "summary.md"


def tracks_section() -> str:
    """Ten tracks of ten genres, as the command line shows them."""
    from genrekit.jukebox import JUKEBOX_GENRES

    with TemporaryDirectory() as folder:
        _genrekit("demo", "--to", "ten", folder=folder)
        shown = _genrekit("predict", "ten", "--top", "3", folder=folder)
    genres = "|".join(JUKEBOX_GENRES)
    hits = len(re.findall(rf"^({genres}) .*jukebox-\1-", shown, re.MULTILINE))
    return "\n".join(
        [
            "```sh",
            "genrekit demo --to ten",
            "genrekit predict ten --top 3",
            "```",
            "",
            "```text",
            *(line.rstrip() for line in shown.splitlines()),
            "```",
            "",
            *_wrapped(
                f"{hits} of {len(JUKEBOX_GENRES)} are what their names say. These tracks are "
                "synthesised by rules, no model learnt a genre from them, and what it says of them "
                "is no evidence of how good it is. On real music:"
            ),
        ]
    )


def _genrekit(*arguments: str, folder: str) -> str:
    command = [sys.executable, "-m", "genrekit", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def answer_section() -> str:
    """An answer as JSON, laid out for reading."""
    from genrekit.inference import Classifier
    from genrekit.jukebox import synthesise

    classifier = Classifier.load()
    track = synthesise("classical", seconds=10, sample_rate_hz=classifier.sample_rate_hz)
    answer = classifier.predict(track, name="waltz.wav")
    fields = answer.model_dump(mode="json")
    fields["scores"] = {genre: round(value, 3) for genre, value in fields["scores"].items()}
    fields["timings_ms"] = {stage: round(value, 1) for stage, value in fields["timings_ms"].items()}
    fields["model"]["sha256"] = fields["model"]["sha256"][:12] + "..."
    return "```json\n" + json.dumps(fields, indent=1) + "\n```"


def headline_section() -> str:
    """The one number to quote of the packaged model."""
    bundle = load_bundle("default")
    (result,) = (one for one in bundle.metrics.results if one.protocol == HEADLINE)
    sentence = (
        f"**{_shown(result.accuracy)}** of {result.items} clips of ten genres are predicted right "
        "by a model trained on neither their collection nor their artist ([all numbers, the "
        "flattering ones too](docs/results/summary.md))."
    )
    return "\n".join(_wrapped(sentence))


def box_section() -> str:
    """What the packaged model scores."""
    bundle = load_bundle("default")
    rows = [
        f"| {_PROTOCOLS[result.protocol]} | {result.items} | {_shown(result.accuracy)} "
        f"| {_shown(result.macro_f1)} | {result.log_loss:.3f} |"
        for result in bundle.metrics.results
    ]
    headline = bundle.metrics.results[0]
    size = sum(path.stat().st_size for path in bundle.directory.iterdir()) / 1e6
    sentence = (
        f"The model in the box, `{bundle.manifest.name}` {bundle.manifest.version} ({size:.1f} "
        f"MB), names {_shown(headline.accuracy)} of {headline.items} clips of ten genres right "
        "when it was trained on neither their collection nor their artist "
        "([by genre, conditions, cost](box.md)). Everything below is from audio:"
    )
    note = (
        "The first line is the one to quote: it is the kind of music that a user has. The last is "
        "of the collection that it was trained on, whose artists are on both sides, which "
        "flatters. The encoder never learnt from clips outside GTZAN."
    )
    return "\n".join(
        [
            *_wrapped(sentence),
            "",
            "| protocol | tracks | accuracy | macro F1 | log loss |",
            "|---|---|---|---|---|",
            *rows,
            "",
            *_wrapped(note),
        ]
    )


def _wrapped(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, 100, break_long_words=False, break_on_hyphens=False)


def study_section() -> str:
    """All classical models on the published table."""
    study = json.loads((RESULTS / "features_30_sec.json").read_text())
    columns: dict[str, dict[str, EvaluationResult]] = {}
    for cell in study["cells"]:
        result = EvaluationResult.model_validate(cell["result"])
        columns.setdefault(cell["model"]["architecture"], {})[_column(cell["protocol"])] = result
    protocols = list(next(iter(columns.values())))
    lines = [
        "Classical models on the 57 columns of `features_30_sec.csv`, accuracy and 95 % interval",
        "([all of it](features_30_sec.md)):",
        "",
        f"| model | {' | '.join(protocols)} |",
        "|---|" + "---|" * len(protocols),
    ]
    ranked = sorted(columns.items(), key=lambda item: -item[1][protocols[0]].accuracy.value)
    for name, results in ranked:
        cells = " | ".join(_shown(results[protocol].accuracy) for protocol in protocols)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def findings_section() -> str:
    """What is left of published claims, in a sentence."""
    claims = json.loads((RESULTS / "claims.json").read_text())["measured"]
    vote, network = (_accuracies(claims[name]) for name in ("ensembles", "networks"))
    random, tested = ("vote", "segments-leaky", 5), ("vote", "fault-filtered", 10)
    leaky, kept = ("crnn", "segments-leaky", 5), ("crnn", "grouped-kfold", 5)
    pairs = {
        _assigned(one): one
        for one in claims["ensembles"]["pairs"]
        if (one["first"], one["second"]) == ("vote", "forest")
    }
    rows, unseen = (_course("knn", name) for name in ("segments-leaky", "fault-filtered"))
    sentence = (
        "What is left of published claims ([each of them, with the name of its "
        "leak](claims.md)): a soft vote published with 0.847 has "
        f"{_shown(vote[random])} in the same random folds and "
        f"{_shown(vote[tested])} on artists it never met; its lead over a forest, "
        f"published with p = 0.012, comes back with p {p_value(pairs[random[1:]]['naive_p'])} by "
        f"that test (paired t over folds) and with p {p_value(pairs[tested[1:]]['p'])} by "
        f"{TESTS[pairs[tested[1:]]['test']]} on those artists; nearest "
        f"neighbours on ten-second segments fall from {_shown(rows)} to {_shown(unseen)}; and a "
        f"CNN-LSTM on three-second ones from {_shown(network[leaky])} to "
        f"{_shown(network[kept])} as soon as recordings, though not yet artists, are kept apart."
    )
    return "\n".join(_wrapped(sentence))


def _accuracies(measured: dict[str, Any]) -> dict[tuple[str, str, int], Estimate]:
    return {
        (one["what"], *_assigned(one)): Estimate.model_validate(one["accuracy"])
        for one in measured["readings"]
    }


def _assigned(one: dict[str, Any]) -> tuple[str, int]:
    return one["protocol"]["name"], one["protocol"]["n_folds"]


def _course(model: str, protocol: str) -> Estimate:
    study = json.loads((RESULTS / "course_10s.json").read_text())
    found = [
        cell["result"]["accuracy"]
        for cell in study["cells"]
        if (cell["result"]["model"], cell["result"]["protocol"]) == (model, protocol)
    ]
    return Estimate.model_validate(found[-1])  # the last one is fitted on the most tracks


def speed_section() -> str:
    """Ratios against librosa."""
    speed = json.loads((RESULTS / "speed.json").read_text())
    rows = [
        f"| {row['what']} | {row['genrekit_seconds']:.3f} s | {row['librosa_seconds']:.3f} s "
        f"| {row['ratio']:.1f} |"
        for row in speed
    ]
    return "\n".join(
        [
            "Against the librosa script of the tutorials, in turns on one thread (`make bench`):",
            "",
            "| what | genrekit | librosa | times faster |",
            "|---|---|---|---|",
            *rows,
        ]
    )


#: Where each section stands, and what writes it.
SECTIONS = {
    "tracks": (README, tracks_section),
    "headline": (README, headline_section),
    "answer": (START, answer_section),
    "box": (SUMMARY, box_section),
    "study": (SUMMARY, study_section),
    "findings": (SUMMARY, findings_section),
    "speed": (SUMMARY, speed_section),
}
HEADLINE = "leave-one-collection-out"
# What the protocols of the packaged model's numbers are.
_PROTOCOLS = {
    "leave-one-collection-out": "trained on GTZAN and other collections, tested on another one",
    "gtzan-teaches-alone": "trained on GTZAN alone, tested on other collections",
    "other-artists": "trained on GTZAN and the same collections, tested on other artists",
    "clips-in-folds": "GTZAN's clips in four folds",
}
# Timings differ at every run, so nothing can be held against them.
CHECKED = ("headline", "box", "study", "findings", "speed")


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _column(protocol: dict[str, Any]) -> str:
    leaky = " LEAKY" if protocol["name"].endswith("-leaky") else ""
    return f"{protocol['name']}{leaky}, {protocol.get('fit_on', 'train')}"


def section(page: Path, text: str, name: str) -> re.Match[str]:
    """The part of ``text`` between the markers of section ``name``."""
    found = re.search(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", text, re.DOTALL)
    if found is None:
        sys.exit(f"{page.relative_to(REPOSITORY)} has no section {name!r}")
    return found


def main() -> None:
    """Rewrite or check the sections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for name in CHECKED if check else SECTIONS:
        page, write = SECTIONS[name]
        text = page.read_text(encoding="utf-8")
        found = section(page, text, name)
        fresh = write() + "\n"
        if found.group() != fresh and check:
            sys.exit(
                f"{page.relative_to(REPOSITORY)}: section {name!r} is out of date; "
                "run benchmarks/readme.py"
            )
        if not check:
            page.write_text(text[: found.start()] + fresh + text[found.end() :], "utf-8")


if __name__ == "__main__":
    main()
