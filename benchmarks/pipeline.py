"""A model's life from end to end, killed on the way, held back, promoted and rolled back.

    python benchmarks/pipeline.py DATA -o docs/results/pipeline.md

DATA holds features_30_sec.csv; the jukebox needs nothing. A first model and a worse
challenger meet the gate, and a better one is made by a pipeline that gets SIGKILL when each stage
begins, when its work is done but not noted, and when it is noted. What came of that is compared
byte by byte with a run that nobody disturbed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from genrekit.errors import EXIT_NOT_PROMOTED
from genrekit.experiments import load_pipeline, run_pipeline
from genrekit.experiments.pipeline import run as pipeline_module
from genrekit.experiments.pipeline.report import PipelineReport
from genrekit.experiments.pipeline.state import State
from genrekit.features.cache import FeatureCache
from genrekit.files import replace_file
from genrekit.markdown import markdown_table
from genrekit.pages import interval

COMMAND = "python benchmarks/pipeline.py DATA -o docs/results/pipeline.md"
MOMENTS = ("begins", "is done", "is noted")
#: No stage with outputs, as it changes the store.
PROMOTION = "register and promote"
#: A line for each stage that began, in the folder of the work.
BEGUN = "begun.txt"

JUKEBOX = {
    "data": {"corpus": "jukebox", "options": {"clips_per_genre": 8, "seconds": 5}},
    "frontend": {"kind": "gtzan57"},
    "excerpt": {"start_seconds": 0, "duration_seconds": 5},
    "windows": {"window_seconds": 5, "hop_seconds": 5},
    "protocol": {"name": "holdout", "shares": [0.5, 0.1, 0.4]},
}
#: What the first model, a worse one and a better one are.
MODELS: dict[str, dict[str, Any]] = {
    "first": {"architecture": "tree", "depth": 4, "prepare": {"scale": "none"}},
    "worse": {"architecture": "tree", "depth": 1, "prepare": {"scale": "none"}},
    "better": {"architecture": "logistic", "c": 0.1},
}
GATE = {"margin": 0.02, "genre_margin": 0.5, "most_bytes": 10_000_000, "slower": 20.0}


def of_table(table: Path) -> dict[str, Any]:
    return {
        "data": {"corpus": "table", "path": str(table)},
        "frontend": {"kind": "gtzan57"},
        "protocol": {"name": "fault-filtered", "fit_on": "train"},
    }


@dataclass(frozen=True, slots=True)
class Life:
    """One home with its models, and the folder where pipelines work."""

    folder: Path

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "GENREKIT_HOME": str(self.home)}
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=environment,
            text=True,
            capture_output=True,
            check=False,
        )

    def pipeline(self, name: str) -> tuple[int, PipelineReport]:
        done = self.command(
            *("-m", "genrekit", "pipeline", self.recipe(name), "-o", self.work(name), "--json")
        )
        if done.returncode not in (0, EXIT_NOT_PROMOTED):
            raise RuntimeError(done.stderr)
        return done.returncode, PipelineReport.model_validate_json(done.stdout)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def recipe(self, name: str) -> Path:
        return self.folder / f"{name}.yaml"

    def work(self, name: str) -> Path:
        return self.folder / "work" / name

    def champion(self) -> str:
        done = self.command("-m", "genrekit", "models", "show", "default@champion", "--json")
        manifest = json.loads(done.stdout)["manifest"]
        return f"{manifest['name']}@{manifest['version']}"


def begun(folder: Path, training: Mapping[str, Any], gate: Mapping[str, Any]) -> Life:
    """Recipes of the three models in a folder."""
    folder.mkdir(parents=True)
    for name, model in MODELS.items():
        recipe = {"name": "life", **training, "model": model}
        (folder / f"train-{name}.yaml").write_text(yaml.safe_dump(recipe))
        pipeline = {"recipe": f"train-{name}.yaml", "seeds": [0, 1], "gate": dict(gate)}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(pipeline))
    return Life(folder)


# --- killing ------------------------------------------------------------------------------------


def killed_everywhere(life: Life, name: str, stages: list[str]) -> int:
    """Kill one pipeline at every moment of its stages; the number of kills."""
    kills = 0
    for stage in [*stages, PROMOTION]:
        for moment in MOMENTS[: 2 if stage == PROMOTION else 3]:
            child = os.fork()
            if child == 0:
                run_and_die(life, name, stage, moment)
            status = os.waitpid(child, 0)[1]
            if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
                raise RuntimeError(f"{stage} {moment}: the pipeline ended with {status}")
            kills += 1
    return kills


def run_and_die(life: Life, name: str, stage: str, moment: str) -> None:
    """Run the pipeline in a child that dies once it gets there."""
    os.environ["GENREKIT_HOME"] = str(life.home)
    deadly(stage, moment)
    try:
        run_pipeline(
            load_pipeline(life.recipe(name)), life.work(name), cache=FeatureCache.default()
        )
    finally:
        os._exit(1)


def deadly(stage: str, moment: str) -> None:
    is_done, note = State.is_done, State.note

    def looked_up(self: State, name: str, key: str) -> bool:
        known = is_done(self, name, key)
        if not known:
            with (self.folder / BEGUN).open("a") as file:
                file.write(f"{name}\n")
            if (name, moment) == (stage, "begins"):
                die()
        return known

    def noted(self: State, name: str, *arguments: Any) -> None:
        if (name, moment) == (stage, "is done"):
            die()
        note(self, name, *arguments)
        if (name, moment) == (stage, "is noted"):
            die()

    State.is_done, State.note = looked_up, noted  # type: ignore[method-assign, assignment]
    if stage == PROMOTION and moment == "begins":
        pipeline_module.add_bundle = before(pipeline_module.add_bundle)  # type: ignore[attr-defined]
    elif stage == PROMOTION:
        pipeline_module.promote = after(pipeline_module.promote)  # type: ignore[attr-defined]


def before(do: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: die()


def after(do: Callable[..., Any]) -> Callable[..., Any]:
    def done(*arguments: Any) -> None:
        do(*arguments)
        die()

    return done


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def repeated(work: Path, stages: list[str]) -> int:
    """How often a stage began that was done and noted before."""
    times = Counter((work / BEGUN).read_text().splitlines())
    # Killed as it began, killed before it was noted, killed once it was noted.
    return sum(times[stage] - 3 for stage in stages)


def files_of(work: Path) -> dict[str, bytes]:
    """What a pipeline made, without what holds times of the clock."""
    kept = ("split.json", "audit.json", "results/*.json", "models/**/*")
    return {
        path.relative_to(work).as_posix(): path.read_bytes()
        for pattern in kept
        for path in sorted(work.glob(pattern))
        if path.is_file()
    }


def lived(folder: Path, training: Mapping[str, Any], gate: Mapping[str, Any]) -> str:
    """The section of one kind of data."""
    life = begun(folder / "killed", training, gate)
    rows, outcomes = [], []
    for name in ("first", "worse"):
        code, report = life.pipeline(name)
        rows.append(row(name, code, report, life.champion()))
        outcomes.append(report.outcome)
    calm = Life(Path(shutil.copytree(life.folder, folder / "calm")))
    calm_code, calm_report = calm.pipeline("better")
    stages = [one.stage for one in calm_report.stages]
    kills = killed_everywhere(life, "better", stages)
    code, report = life.pipeline("better")
    rows.append(row("better", code, report, life.champion()))
    ours, theirs = files_of(life.work("better")), files_of(calm.work("better"))
    different = [one for one in ours.keys() | theirs.keys() if ours.get(one) != theirs.get(one)]
    again = repeated(life.work("better"), stages)
    life.command("-m", "genrekit", "models", "rollback")
    rolled_back = life.champion()
    last = life.pipeline("better")[1]
    return "\n\n".join(
        [
            markdown_table(
                ("model", "accuracy", "against the champion", "p", "exit", "champion then"), rows
            ),
            f"The better one was killed {kills} times, at {len(stages)} stages and at its "
            f"promotion. Stages that were done again after they had been noted: {again}. Files "
            f"that differ from those of a run that nobody disturbed: {len(different)} of "
            f"{len(theirs)} (models, results, split, audit)"
            f"{': ' + ', '.join(sorted(different)) if different else ''}; the exit code there is "
            f"{calm_code}, too.",
            f"After `genrekit models rollback` the champion is {rolled_back}. The same pipeline "
            f"once more: \u201c{last.outcome}\u201d; the champion stays {life.champion()}.",
        ]
    )


def row(name: str, code: int, report: PipelineReport, champion: str) -> tuple[str, ...]:
    gate = report.gate
    against, p = "nothing to compare with", ""
    if gate is not None and gate.difference is not None and gate.p is not None:
        against, p = interval(gate.difference), f"{gate.p:.2g}"
    return name, interval(report.results[0].accuracy), against, p, str(code), champion


def page(data: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        audio = lived(
            Path(folder) / "jukebox",
            JUKEBOX,
            {**GATE, "robustness_margin": 0.5, "distortions": ["noise"]},
        )
        table = lived(Path(folder) / "gtzan", of_table(data / "features_30_sec.csv"), GATE)
    return (
        "\n\n".join(
            [
                "# A model's life, end to end",
                f"Made by `{COMMAND}`. Two seeds each; the first model is a decision tree of depth "
                "4, the worse one a tree of depth 1, the better one a logistic regression. A "
                "pipeline gets SIGKILL as each stage begins, when its work is done and not noted, "
                "and when it is noted; and when it is about to register and promote, and when it "
                "has promoted and not noted it. The same command goes on each time.",
                "## Audio of the jukebox\n\nTen genres, eight clips each, the gate asks for "
                "robustness against noise, too. The champion at first is the model in the package. "
                "Synthetic: it says nothing of real music.",
                audio,
                "## GTZAN's table\n\n`features_30_sec.csv`, the fault-filtered split.",
                table,
            ]
        )
        + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of features_30_sec.csv")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    replace_file(options.out, page(options.data))


if __name__ == "__main__":
    main()
