"""The genre tree of FMA, end to end: data, a tiny network, its bundle, answers and numbers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genrekit.bundles import load_bundle
from genrekit.datasets import Dataset, fma, load_dataset, make_split
from genrekit.evaluation import (
    Scored,
    aggregate,
    evaluate_bundle,
    tune_thresholds,
)
from genrekit.inference import Classifier
from genrekit.models.networks import Cnn
from genrekit.schema import ExcerptConfig, Manifest, MelConfig, WindowConfig
from genrekit.training import DataConfig, ProtocolConfig, Recipe, load_recipe, train
from genrekit.training.settings import TrainingConfig

#: Number of a parent, and numbers and titles of its children; 0 is above the roots. Source:
#: genres.csv of fma_metadata (M. Defferrard et al., "FMA: a dataset for music analysis", 2017).
TREE = """
0: 2 International; 3 Blues; 4 Jazz; 5 Classical; 8 Old-Time / Historic; 9 Country; 10 Pop; 12
    Rock; 13 Easy Listening; 14 Soul-RnB; 15 Electronic; 17 Folk; 20 Spoken; 21 Hip-Hop; 38
    Experimental; 1235 Instrumental
2: 46 Latin America; 77 French; 79 Reggae - Dub; 86 Indian; 92 African; 102 Middle East; 117
    Polka; 118 Balkan; 130 Europe; 171 Brazilian; 172 Asia-Far East; 176 Pacific; 177 Celtic; 232
    Flamenco; 504 Latin
3: 567 Gospel
4: 37 Jazz: Vocal; 74 Free-Jazz; 97 Jazz: Out; 178 Be-Bop; 179 Big Band/Swing; 906 Modern Jazz
5: 187 20th Century Classical; 322 Composed Music; 441 Opera; 442 Chamber Music; 443 Choral
    Music; 444 Symphony; 659 Contemporary Classical
6: 16 Sound Effects; 360 Kid-Friendly
9: 63 Bluegrass; 137 Americana; 169 Rockabilly; 651 Country & Western
10: 76 Experimental Pop; 362 Synth Pop
12: 25 Punk; 26 Post-Rock; 27 Lo-Fi; 31 Metal; 36 Krautrock; 45 Loud-Rock; 58 Psych-Rock; 66
    Indie-Rock; 70 Industrial; 85 Garage; 88 New Wave; 98 Progressive; 314 Goth; 359 Shoegaze; 440
    Rock Opera
13: 170 Easy Listening: Vocal; 311 Lounge; 810 Nu-Jazz
14: 11 Disco; 19 Funk
15: 42 Ambient Electronic; 181 Techno; 182 House; 183 Glitch; 184 Minimal Electronic; 185
    Breakcore - Hard; 236 IDM; 286 Trip-Hop; 296 Dance; 297 Chip Music; 337 Drum & Bass; 468
    Dubstep; 495 Downtempo; 695 Jungle
16: 763 Holiday
17: 33 Psych-Folk; 49 Free-Folk; 94 Freak-Folk; 103 Singer-Songwriter; 180 British Folk
18: 538 Compilation
19: 377 Deep Funk
20: 7 Comedy; 65 Radio; 138 Spoken Weird; 188 Poetry; 374 Banter; 378 Spoken Word; 428 Radio
    Theater; 465 Musical Theater
21: 83 Nerdcore; 100 Alternative Hip-Hop; 539 Rap; 542 Breakbeat; 580 Abstract Hip-Hop; 693
    Wonky; 811 Hip-Hop Beats
25: 64 Electro-Punk; 71 No Wave; 89 Post-Punk; 109 Hardcore; 111 Power-Pop
26: 113 Space-Rock
31: 101 Death-Metal; 167 Black-Metal; 439 Grindcore
38: 1 Avant-Garde; 6 Novelty; 22 Audio Collage; 30 Field Recordings; 32 Noise; 41
    Electroacoustic; 47 Drone; 125 Unclassifiable; 186 Sound Poetry; 224 Sound Collage; 247 Musique
    Concrete; 250 Improv; 456 Minimalism; 514 Sound Art
45: 53 Noise-Rock
46: 502 Cumbia; 808 Salsa; 1060 Tango
53: 90 Sludge
65: 43 Radio Art; 166 Interview; 189 Talk Radio
79: 602 Reggae - Dancehall
85: 404 Surf
86: 173 N. Indian Traditional; 174 South Indian Traditional; 175 Bollywood
92: 81 Afrobeat; 214 North African
102: 1032 Turkish
109: 361 Thrash
130: 524 Romany (Gypsy); 619 Spanish; 741 Klezmer; 1156 Fado
181: 401 Bigbeat
182: 400 Chill-out
297: 240 Chiptune
468: 491 Skweee
651: 493 Western Swing
763: 1193 Christmas
1235: 18 Soundtrack; 107 Ambient; 267 New Age
"""
RECIPES = Path(__file__).parents[2] / "recipes" / "networks"
SIX = ("Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental", "International")
EIGHT = (*SIX, "Pop", "Rock")
SECONDS, RATE_HZ = 0.5, 22050
OPTIONS = {"subset": "large", "labels": "genres_all"}


def parents_and_titles() -> tuple[dict[int, int], dict[int, str]]:
    parents: dict[int, int] = {}
    titles: dict[int, str] = {}
    for entry in re.sub(r"\n    ", " ", TREE.strip()).splitlines():
        parent, _, children = entry.partition(": ")
        for child in children.split("; "):
            number, _, title = child.partition(" ")
            parents[int(number)], titles[int(number)] = int(parent), title
    return parents, titles


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Short noises in the form of FMA; every genre has tracks in every part."""
    folder = tmp_path_factory.mktemp("fma")
    parents, titles = parents_and_titles()
    (folder / "fma_metadata").mkdir()
    with (folder / "fma_metadata/genres.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["genre_id", "#tracks", "parent", "title", "top_level"])
        writer.writerows([g, 0, parents[g], titles[g], 0] for g in parents)
    leaves = np.array([genre for genre in parents if genre not in parents.values()])
    generator = np.random.default_rng(0)
    rows = []
    for part, times in {"training": 2, "validation": 1, "test": 1}.items():
        for _ in range(times):
            rows += [(part, genres) for genres in np.array_split(generator.permutation(leaves), 42)]
    with (folder / "fma_metadata/tracks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        columns = "album.id artist.id set.split set.subset track.genre_top track.genres"
        names = [name.split(".") for name in [*columns.split(), "track.genres_all"]]
        writer.writerows([["", *level] for level in zip(*names, strict=True)])
        writer.writerow(["track_id", *[""] * len(names)])
        for number, (part, genres) in enumerate(rows, start=1):
            told, top = str(genres.tolist()), EIGHT[number % 8]
            writer.writerow([number, number, number, part, "small", top, told, told])
    for number, _ in enumerate(rows, start=1):
        path = folder / "fma_large" / fma.audio_name(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = generator.normal(0, 0.1, int(SECONDS * RATE_HZ))
        soundfile.write(path, noise, RATE_HZ, format="WAV")
    return folder


@pytest.fixture(scope="module")
def dataset(corpus: Path) -> Dataset:
    return load_dataset("fma", corpus, **OPTIONS)


@pytest.fixture(scope="module")
def bundle(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny network, trained for a few steps."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    recipe = Recipe(
        name="tree",
        data=DataConfig(corpus="fma", path=corpus, options=OPTIONS),
        frontend=MelConfig(n_mels=16, fft_samples=1024, hop_samples=1024),
        excerpt=ExcerptConfig(start_seconds=0, duration_seconds=1),
        windows=WindowConfig(
            window_seconds=SECONDS, hop_seconds=SECONDS, short="loop", minimum_seconds=0.1
        ),
        model=Cnn(channels=(8,)),
        training=TrainingConfig(epochs=3, batch_size=16, loss="asymmetric", learning_rate=0.01),
        protocol=ProtocolConfig(name="official"),
    )
    yield train(recipe, tmp_path_factory.mktemp("bundles") / "tree")
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def manifest(bundle: Path) -> Manifest:
    return load_bundle(bundle).manifest


def test_the_tree_is_that_of_fma(corpus: Path, dataset: Dataset, manifest: Manifest) -> None:
    tree = fma.taxonomy(corpus)
    assert (len(tree.parents), len(tree.roots)) == (163, 16)
    assert tree.ancestors("Sludge") == ("Noise-Rock", "Loud-Rock", "Rock")
    assert tree.ancestors("Christmas") == ("Holiday", "Sound Effects", "Novelty", "Experimental")
    assert dataset.taxonomy is not None
    assert dict(dataset.taxonomy.parents) == dict(tree.parents)
    assert manifest.labels == dataset.labels
    assert manifest.parents == {genre: above for genre, above in tree.parents.items() if above}
    assert (manifest.task, len(manifest.thresholds)) == ("multi-label", 163)


def test_targets_imply_their_parents(dataset: Dataset) -> None:
    matrix = dataset.target_matrix()
    column = {label: matrix[:, number] for number, label in enumerate(dataset.labels)}
    assert dataset.taxonomy is not None
    for genre, parent in dataset.taxonomy.parents.items():
        assert column[genre].any()
        if parent is not None:
            assert (column[genre] <= column[parent]).all()


def test_answers_obey_the_tree_and_the_thresholds(
    bundle: Path, dataset: Dataset, manifest: Manifest
) -> None:
    classifier = Classifier.load(bundle)
    threshold = dict(zip(manifest.labels, manifest.thresholds, strict=True))
    (fold,) = make_split(dataset, "official").folds
    assert dataset.taxonomy is not None
    implied = 0
    for item in dataset.select(dataset.indices(fold.test[:12])).items:
        answer = classifier.predict_file(item.path or "", segments=True)
        for scores in (answer.scores, *(segment.scores for segment in answer.segments)):
            assert all(scores[genre] <= scores[above] for genre, above in manifest.parents.items())
        reached = {genre for genre, score in answer.scores.items() if score >= threshold[genre]}
        assert set(answer.genres) == set(dataset.taxonomy.expand(reached))
        implied += len(answer.genres) - len(reached)
        assert list(answer.genres) == [g for g in answer.scores if g in answer.genres]
        assert answer.genre == (answer.genres[0] if answer.genres else "unknown")
    assert implied > 0, "some genre is told because of a child alone"


def test_thresholds_are_those_of_the_validation_tracks_alone(
    bundle: Path, dataset: Dataset, manifest: Manifest
) -> None:
    classifier = Classifier.load(bundle)
    (fold,) = make_split(dataset, "official").folds
    valid = dataset.select(dataset.indices(fold.valid))
    scores = [classifier.predict_file(item.path or "").scores for item in valid.items]
    table = np.array([[one[label] for label in manifest.labels] for one in scores])
    tracks = aggregate(Scored(valid.target_matrix(), table, valid.groups()))
    again = tune_thresholds(
        tracks.targets, tracks.probabilities, labels=manifest.labels, parents=manifest.parents
    )
    assert manifest.thresholds == pytest.approx(again.values, abs=1e-4)
    rare = [label for label, tuned in zip(manifest.labels, again.tuned, strict=True) if not tuned]
    assert "Christmas" in rare, "one validation track is too few for a threshold of its own"
    assert "Rock" not in rare


def test_numbers_are_those_of_the_saved_bundle(bundle: Path, dataset: Dataset) -> None:
    (told,) = load_bundle(bundle).metrics.results
    split = make_split(dataset, "official")
    again, scores = evaluate_bundle(Classifier.load(bundle), dataset, split)
    assert told.task == again.task == "multi-label"
    assert told.multi_label == again.multi_label
    assert told.accuracy == again.accuracy
    assert (told.items, len(scores)) == (42, 42)
    assert ("calibrate", "valid") in {(step.what, step.on) for step in told.steps}
    assert told.multi_label is not None
    first = dataset.items[dataset.indices([scores[0].item_id])[0]]
    assert set(scores[0].true_genres) == set(first.labels)
    text = (bundle / "CARD.md").read_text(encoding="utf-8")
    assert "Subset accuracy" in text
    assert "mean average precision" in text
    assert "147 of them imply another" in text
    assert "## Confusion" not in text


@pytest.mark.parametrize("n_labels", [8, 50])
def test_the_recipes_train_a_few_steps(corpus: Path, tmp_path: Path, n_labels: int) -> None:
    changes = [
        "training.epochs=1",
        "model={architecture: resnet, base_channels: 8, blocks: [1, 1]}",
        f"windows.window_seconds={SECONDS}",
        f"windows.hop_seconds={SECONDS}",
        "windows.minimum_seconds=0.1",
    ]
    recipe = load_recipe(RECIPES / f"multilabel-{n_labels}.yaml", changes)
    bundle = load_bundle(train(recipe, tmp_path / "bundle", data=corpus))
    manifest = bundle.manifest
    assert (manifest.task, len(manifest.labels)) == ("multi-label", n_labels)
    if n_labels == 8:
        assert manifest.labels == EIGHT
        assert not manifest.parents
    parents, titles = parents_and_titles()
    roots = {titles[genre] for genre, parent in parents.items() if not parent}
    assert set(manifest.labels) - set(manifest.parents) <= roots
    assert bundle.metrics.results[0].multi_label is not None
