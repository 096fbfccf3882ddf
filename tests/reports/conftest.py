"""Results of three made-up models, honest and leaky, and what else a report is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from genrekit.audit import AuditReport
from genrekit.audit.finding import make_finding
from genrekit.datasets import CorpusInfo, Dataset, Item, make_split
from genrekit.evaluation.results import write_run
from genrekit.evaluation.robustness_curves import RobustnessPoint, RobustnessResult
from genrekit.evaluation.run import RunResult
from genrekit.schema import Estimate, ModelIdentity

#: Names that mean something to browsers, to Markdown and to LaTeX.
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>document.title='owned'</script>",
    "[click](javascript:alert(1))",
    "a|b `c` *d* _e_",
    "\\input{/etc/passwd} $x$ 100 % #1 & co ~ ^",
    "two\nlines\u2028three",
    "https://example.org/collect",
    "![](x.png)",
)


def estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.1, high=value + 0.1, method="wilson")


def write_robustness(path: Path, *, trained_on: int = 0) -> Path:
    points = [
        RobustnessPoint(
            distortion=kind,
            level=level,
            unit=unit,
            tracks=20,
            refused=0,
            unknown=0,
            changed=2,
            accuracy=estimate(accuracy),
            change=estimate(accuracy - 0.8),
        )
        for kind, unit, level, accuracy in (
            ("mp3", "kbit/s", 32, 0.6),
            ("mp3", "kbit/s", 128, 0.75),
            ("noise", "dB", 0, 0.2),
            ("noise", "dB", 20, 0.7),
        )
    ]
    undistorted = {"distortion": "none", "unit": "", "accuracy": estimate(0.8)}
    clean = points[0].model_copy(update=undistorted)
    result = RobustnessResult(
        model=ModelIdentity(name="m1", version="1.0.0", sha256="0" * 64),
        tracks=20,
        trained_on=trained_on,
        seed=0,
        clean=clean,
        points=tuple(points),
    )
    path.write_text(result.model_dump_json(), encoding="utf-8")
    return path


def write_history(path: Path) -> Path:
    lines = [
        f'{{"epoch": {epoch}, "train_loss": {2 / epoch}, "train_accuracy": {1 - 0.5 / epoch}, '
        f'"valid_loss": {1 + abs(epoch - 3) / 5}, "valid_accuracy": 0.5, "learning_rate": 0.001, '
        '"seconds": 1.0}'
        for epoch in range(1, 7)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def measured(
    make_run: Callable[..., RunResult],
    make_data: Callable[..., Dataset],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder: three models in five folds, one of them leaky too, robustness, a history."""
    folder = tmp_path_factory.mktemp("measured")
    for seed, share in enumerate((0.4, 0.9, 0.88)):
        write_run(make_run(share, seed, name=f"m{seed}"), folder / f"m{seed}.json")
    data = make_data(40, 3)
    leaky = make_run(
        0.97, 1, name="m1", dataset=data, split=make_split(data, "segments-leaky", n_folds=4)
    )
    write_run(leaky, folder / "leaky.json")
    write_robustness(folder / "robustness.json")
    (folder / "network").mkdir()
    write_history(folder / "network" / "history.jsonl")
    return folder


@pytest.fixture(scope="session")
def hostile(make_run: Callable[..., RunResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two results in which labels, tracks, models and the dataset have hostile names."""
    labels = tuple(sorted(HOSTILE[:3]))
    items = tuple(
        Item(f"{HOSTILE[track % len(HOSTILE)]} {track}", (labels[track % 3],), f"group {track}")
        for track in range(60)
    )
    data = Dataset(HOSTILE[1], labels, items, CorpusInfo("title", "licence", "citation", "page"))
    folder = tmp_path_factory.mktemp("hostile")
    for seed, name in enumerate((HOSTILE[0], HOSTILE[4])):
        write_run(make_run(0.6, seed, name=name, dataset=data), folder / f"{seed}.json")
    return folder


@pytest.fixture(scope="session")
def robustness_of() -> Callable[..., Path]:
    """``robustness_of(path, trained_on=0)`` writes a robustness.json."""
    return write_robustness


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``genrekit audit --json`` prints, with one error."""
    finding = make_finding("identical-rows", "a and b are the same")
    audit = AuditReport(
        data="table.csv",
        corpus="table",
        name="table.csv",
        title="A table",
        medium="table",
        task="single-label",
        items=2,
        recordings=2,
        labels={"jazz": 2},
        dataset_fingerprint="0" * 64,
        findings=(finding,),
    )
    path = tmp_path_factory.mktemp("audited") / "audit.json"
    path.write_text(audit.model_dump_json() + "\n", encoding="utf-8")
    return path
