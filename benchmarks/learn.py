"""What is learnt from five, ten and twenty tracks a genre, on tracks of other artists.

    python benchmarks/learn.py DATA --music FOLDER -o docs/results/learn.md

DATA holds outside/index.csv with its clips, and gtzan_audio/clips. FOLDER, which may be left out,
is free music whose tags name genres that GTZAN does not have.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genrekit.audio.tags import read_tags
from genrekit.batch import find_audio
from genrekit.bundles import Bundle, find_bundle, load_bundle
from genrekit.datasets.relations import artist_key
from genrekit.errors import AudioError
from genrekit.evaluation.intervals import percentile_interval, share_by_group
from genrekit.features.cache import FeatureCache
from genrekit.files import replace_file
from genrekit.learn import (
    Embedded,
    LearnOptions,
    embed_tracks,
    joined,
    learn,
    more_genres,
    nearest_centroid,
    own_genres,
)
from genrekit.schema import Estimate

SIZES, DRAWS, RESAMPLES = (5, 10, 20), 5, 1000
FIVE, TRACKS = 5, 30  # genres, and tracks of each, to measure how long it takes
MUSIC_GENRES = ("Romantic Classical", "Soundtrack", "Game")
MAGNATUNE = ("Alternative Rock", "Electro Rock", "Hard Rock")
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    labels: tuple[str, ...]
    targets: Numbers
    artists: NDArray[np.str_]
    embedded: Embedded

    def named(self, labels: Sequence[str]) -> Tracks:
        rows = np.flatnonzero(np.isin(self.targets, [self.labels.index(one) for one in labels]))
        numbers = [labels.index(self.labels[self.targets[row]]) for row in rows]
        return Tracks(
            tuple(labels), np.array(numbers), self.artists[rows], self.embedded.select(rows)
        )


def embedded_tracks(
    files: Sequence[Path], genres: Sequence[str], artists: Sequence[str], model: str
) -> Tracks:
    found = embed_tracks(files, find_bundle(model), cache=FeatureCache.default(), progress=show)
    good = [row for row, one in enumerate(found) if not isinstance(one, AudioError)]
    labels = tuple(sorted({genres[row] for row in good}))
    return Tracks(
        labels,
        np.array([labels.index(genres[row]) for row in good]),
        np.array([artist_key(artists[row]) for row in good]),
        joined([one for one in found if not isinstance(one, AudioError)]),
    )


def show(stage: str, done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        print(f"{stage}: {done} of {total}", flush=True)


def outside(data: Path, model: str, *, magnatune: bool = False) -> Tracks:
    with (data / "outside" / "index.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    genres = [row["genre"] for row in rows]
    if magnatune:
        named = [row["genre_basis"].rpartition('Magnatune: "')[2].rstrip('"') for row in rows]
        rows = [row for row, one in zip(rows, named, strict=True) if one in MAGNATUNE]
        genres = [one for one in named if one in MAGNATUNE]
    files = [data / "outside" / row["file"] for row in rows]
    return embedded_tracks(files, genres, [row["artist"] for row in rows], model)


def gtzan(data: Path, model: str) -> Tracks:
    files = sorted((data / "gtzan_audio" / "clips").glob("*/*.flac"))
    return embedded_tracks(
        files, [file.parent.name for file in files], [file.stem for file in files], model
    )


def tagged(folder: Path, model: str) -> Tracks:
    files, genres, artists = [], [], []
    for file in find_audio([folder]):
        try:
            tags = read_tags(file)
        except AudioError:
            continue
        named = [one for one in MUSIC_GENRES if one.casefold() in map(str.casefold, tags.genres)]
        if named:
            files.append(file)
            genres.append(named[0])
            artists.append(tags.artist or file.parent.name)
    return embedded_tracks(files, genres, artists, model)


# --- measuring ----------------------------------------------------------------------------------

#: Tracks that are trained on, their targets, and those that are asked, to the best label of each.
Answer = Callable[[Embedded, Numbers, Embedded], Numbers]


def draw(tracks: Tracks, size: int, rng: np.random.Generator) -> Numbers:
    """Up to ``size`` tracks of each genre, artist by artist, at most half of its artists."""
    kept: list[int] = []
    for label in range(len(tracks.labels)):
        artists = rng.permutation(np.unique(tracks.artists[tracks.targets == label]))
        some: list[int] = []
        for artist in artists[: max(1, (len(artists) + 1) // 2)]:
            own = np.flatnonzero((tracks.targets == label) & (tracks.artists == artist))
            some += rng.permutation(own).tolist()
        kept += some[:size]
    return np.array(kept)


def measured(tracks: Tracks, size: int, answers: dict[str, Answer]) -> dict[str, list[Estimate]]:
    """Accuracy and macro recall of each way, over draws, with intervals over artists."""
    hits = {name: np.zeros(len(tracks.targets)) for name in answers}
    asked_times = np.zeros(len(tracks.targets))
    for seed in range(DRAWS):
        learnt = draw(tracks, size, np.random.default_rng(seed))
        asked = np.flatnonzero(~np.isin(tracks.artists, tracks.artists[learnt]))
        asked_times[asked] += 1
        teaching, others = tracks.embedded.select(learnt), tracks.embedded.select(asked)
        for name, answer in answers.items():
            predicted = answer(teaching, tracks.targets[learnt], others)
            hits[name][asked] += predicted == tracks.targets[asked]
    rows = np.flatnonzero(asked_times)
    found = {}
    for name, one in hits.items():
        share = one[rows] / asked_times[rows]
        groups = tracks.artists[rows].tolist()
        macro = _macro(share, tracks.targets[rows], groups)
        found[name] = [share_by_group(share, groups), macro]
    return found


def _macro(share: NDArray[np.float64], targets: Numbers, groups: list[str]) -> Estimate:
    names, group_of = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(0)

    def mean(counts: NDArray[np.floating]) -> float:
        weights = counts[group_of]
        each = [
            (share * weights)[targets == label].sum() / weights[targets == label].sum()
            for label in np.unique(targets)
            if weights[targets == label].sum()
        ]
        return float(np.mean(each))

    drawn = np.array(
        [
            mean(np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names)) * 1.0)
            for _ in range(RESAMPLES)
        ]
    )
    return percentile_interval(mean(np.ones(len(names))), drawn)


def best(scores: NDArray[np.floating]) -> Numbers:
    """The column of the highest score of each row."""
    found: Numbers = scores.argmax(axis=1)
    return found


def ways(bundle: Bundle, n_labels: int) -> dict[str, Answer]:
    def head(teaching: Embedded, targets: Numbers, others: Embedded) -> Numbers:
        model = own_genres(bundle, n_labels).fit(teaching, targets)
        return best(model.track_logits(others))

    def centroid(teaching: Embedded, targets: Numbers, others: Embedded) -> Numbers:
        return nearest_centroid(teaching, targets, n_labels, others)

    return {"genrekit learn": head, "nearest centroid": centroid}


def shipped(bundle: Bundle, gtzan_tracks: Tracks) -> dict[str, Answer]:
    """The head of the base, and one learnt as here from GTZAN's clips alone."""
    only = own_genres(bundle, 10).fit(gtzan_tracks.embedded, gtzan_tracks.targets)
    base = more_genres(bundle, 10)

    def as_shipped(teaching: Embedded, targets: Numbers, others: Embedded) -> Numbers:
        return best(others.means(base.base(others.rows)))

    def from_gtzan(teaching: Embedded, targets: Numbers, others: Embedded) -> Numbers:
        return best(only.track_logits(others))

    return {
        "the same head, GTZAN's 80 clips alone": from_gtzan,
        "head as shipped (LEAKY: it learnt from these tracks)": as_shipped,
    }


def extended(bundle: Bundle, tracks: Tracks, new: Tracks) -> list[str]:
    """What the base's genres lose, and what is found of further ones, by --extend."""
    count = len(bundle.manifest.labels)
    method = more_genres(bundle, count + len(new.labels))
    before = tracks.embedded.means(method.base(tracks.embedded.rows)).argmax(axis=1)
    after, taken, found, asked_of = [], [], [], list[str]()
    for seed in range(DRAWS):
        learnt = draw(new, 20, np.random.default_rng(seed))
        asked = np.flatnonzero(~np.isin(new.artists, new.artists[learnt]))
        model = method.fit(new.embedded.select(learnt), new.targets[learnt] + count)
        predicted = model.track_logits(tracks.embedded).argmax(axis=1)
        after.append(predicted == tracks.targets)
        taken.append(predicted >= count)
        predicted = model.track_logits(new.embedded.select(asked)).argmax(axis=1)
        found.append(predicted == new.targets[asked] + count)
        asked_of += new.artists[asked].tolist()
    artists = tracks.artists.tolist()
    return [
        shown("ten genres before", share(before == tracks.targets, artists)),
        shown("ten genres after", share_by_group(np.mean(after, axis=0), artists)),
        shown(
            "of the ten, taken for a further one", share_by_group(np.mean(taken, axis=0), artists)
        ),
        shown("further genres", share(np.concatenate(found), asked_of)),
    ]


def share(hits: NDArray[np.bool_], groups: list[str]) -> Estimate:
    return share_by_group(hits.astype(np.float64), groups)


def shown(name: str, one: Estimate) -> str:
    return f"| {name} | {text(one)} |"


def text(one: Estimate) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def seconds_of_learning(data: Path, model: str) -> str:
    """Processor time of ``genrekit learn`` once embeddings and fingerprints are in the cache."""
    with (data / "outside" / "index.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    genres = [genre for genre, count in Counter(row["genre"] for row in rows).items()]
    large = [genre for genre in genres if sum(row["genre"] == genre for row in rows) >= TRACKS]
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "list.csv"
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("path", "genre", "artist"))
            for genre in large[:FIVE]:
                for row in [row for row in rows if row["genre"] == genre][:TRACKS]:
                    place = (data / "outside" / row["file"]).absolute()
                    writer.writerow((place, genre, row["artist"]))
        options = LearnOptions(by="csv", model=model)
        for name in ("first", "again"):
            began = time.process_time()
            learn(table, Path(folder) / name, options, cache=FeatureCache.default(), progress=show)
            seconds = time.process_time() - began
    return (
        f"{FIVE} genres of {TRACKS} tracks: {seconds:.1f} s of one processor for everything that "
        "`genrekit learn` does once embeddings and fingerprints are in the cache: folds, "
        "calibration, learning curve, the model, its report, and the check of what was saved."
    )


# --- the page -----------------------------------------------------------------------------------


def table(tracks: Tracks, answers: dict[str, Answer], sizes: Sequence[int]) -> str:
    lines = ["| tracks a genre | learnt by | accuracy | macro recall |", "|---|---|---|---|"]
    for size in sizes:
        for name, (accuracy, macro) in measured(tracks, size, answers).items():
            lines.append(f"| up to {size} | {name} | {text(accuracy)} | {text(macro)} |")
    return "\n".join(lines)


def counted(tracks: Tracks) -> str:
    return ", ".join(
        f"{label} {(tracks.targets == number).sum()} of "
        f"{len(set(tracks.artists[tracks.targets == number]))} artists"
        for number, label in enumerate(tracks.labels)
    )


def page(data: Path, music: Path | None, model: str) -> str:
    bundle = load_bundle(model)
    name = f"{bundle.manifest.name} {bundle.manifest.version}"
    clips, known = outside(data, model), gtzan(data, model)
    rocks = outside(data, model, magnatune=True)
    parts = [
        "# Genres learnt from a handful of tracks",
        "Made by `python benchmarks/learn.py DATA --music FOLDER -o docs/results/learn.md`. "
        f"Embedding of {name}; its encoder learnt without labels. {DRAWS} draws a row; what is "
        "tested is by artists of whom nothing was learnt, at most half of the artists of a genre "
        "teach, and intervals (95 %) resample artists.",
        f"## GTZAN's genres, on clips of other collections\n\n{counted(clips)}.",
        table(clips, ways(bundle, 10) | shipped(bundle, known), SIZES),
        "Genres of few tracks have fewer than the row says. The head as shipped learnt from these "
        "clips and says nothing about others; what it gets on collections that did not teach it is "
        "in [box.md](box.md).",
        "## Genres that GTZAN does not have\n\nWithin one collection (Magnatune's own genres): "
        f"{counted(rocks)}.",
        table(rocks, ways(bundle, len(rocks.labels)), SIZES),
    ]
    if music is not None:
        free = tagged(music, model)
        parts += [
            f"By the tags of free music of Debian's games: {counted(free)}. Genre and package go "
            "together here, which flatters; soundtracks and game music are much the same thing.",
            table(free, ways(bundle, len(free.labels)), SIZES),
            "## Beside the genres of the box (`--extend`)\n\nThe same further genres, up to 20 "
            "tracks of each, and the clips above for the ten (which the head learnt from: only the "
            f"difference counts). {DRAWS} draws.",
            "\n".join(["| | share |", "|---|---|", *extended(bundle, clips, free)]),
        ]
    parts.append("## How long it takes\n\n" + seconds_of_learning(data, model))
    parts.append(
        "Settings of the head and of `--extend` (some 45) were looked at on these same clips, so "
        "the rows are a little too good."
    )
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--music", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("-o", "--out", type=Path, required=True)
    asked = parser.parse_args()
    replace_file(asked.out, page(asked.data, asked.music, asked.model))


if __name__ == "__main__":
    main()
