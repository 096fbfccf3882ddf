"""One command from data to the model in production; each stage is skipped where nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genrekit.audit import AuditReport, run_audit
from genrekit.bundles import (
    add_bundle,
    find_bundle,
    list_bundles,
    load_bundle,
    promote,
    promotion_history,
)
from genrekit.datasets import Dataset, Split, read_split, write_split
from genrekit.errors import ConfigError, DatasetError, GenreError
from genrekit.evaluation import (
    DISTORTIONS,
    RobustnessResult,
    RunResult,
    bundle_run,
    read_run,
    robustness,
    score_items,
    write_run,
)
from genrekit.experiments.pipeline.feedback import add_feedback, with_feedback
from genrekit.experiments.pipeline.gate import GateReport, check_gate, size_of, times_as_long
from genrekit.experiments.pipeline.recipe import PipelineRecipe, training_recipe
from genrekit.experiments.pipeline.report import PipelineReport, StageOutcome, render_pipeline
from genrekit.experiments.pipeline.state import State, digest_of, key_of
from genrekit.features import FeatureCache
from genrekit.files import replace_file
from genrekit.inference import Classifier
from genrekit.progress import Progress, silent
from genrekit.training import (
    Recipe,
    checked_split,
    labelled,
    load_data,
    planned,
    pointed,
    set_champion,
    tracked,
    train,
)

_NO_CHAMPION = "no comparison"


@dataclass(slots=True)
class _Work:
    """What the stages of one run share."""

    pipeline: PipelineRecipe
    state: State
    workers: int
    cache: FeatureCache | None
    progress: Progress
    outcomes: list[StageOutcome] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.state.folder

    def stage(
        self,
        name: str,
        reads: Mapping[str, Any],
        outputs: Sequence[Path],
        do: Callable[[], None],
    ) -> None:
        """Do a stage, or skip it where it was done with what it reads now."""
        key = key_of(name, reads)
        self.progress(name, 0, 1)
        known = self.state.is_done(name, key)
        if not known:
            do()
            self.state.note(name, key, outputs)
        self.outcomes.append(StageOutcome(stage=name, done=not known))
        self.progress(name, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    """What is trained on and tested with."""

    recipe: Recipe
    dataset: Dataset
    content: str
    split: Split

    @property
    def tested(self) -> Dataset:
        return self.dataset.select(self.dataset.indices(self.split.folds[0].test))

    def reads(self) -> dict[str, Any]:
        """Return what a stage reads that tests with it."""
        return {"content": self.content, "split": self.split.fingerprint}


def run_pipeline(
    pipeline: PipelineRecipe,
    folder: Path,
    *,
    workers: int = 1,
    cache: FeatureCache | None = None,
    progress: Progress = silent,
) -> PipelineReport:
    """Check, split, train, evaluate, compare, and promote what passes the gate.

    Everything that is made lies in ``folder``; a run that was killed is continued by the same call.

    Raises
    ------
    ConfigError
        If the recipe does not fit a pipeline, or another one works in the folder.
    DatasetError
        If the data is missing, leaks, or was refused by the audit.
    """
    with closing(State(folder)) as state:
        work = _Work(pipeline, state, workers, cache, progress)
        data = _data(work)
        audit = _audited(work, data)
        models = [_trained(work, data, seed) for seed in pipeline.seeds]
        runs = [_evaluated(work, data, *one) for one in zip(pipeline.seeds, models, strict=True)]
        outcome, gate = _promoted(work, data, models[0], runs[0])
        report = PipelineReport(
            name=data.recipe.name,
            stages=tuple(work.outcomes),
            data=data.dataset.name,
            items=len(data.dataset),
            tested=len(data.split.folds[0].test),
            findings={} if audit is None else dict(audit.counts()),
            model=_called(models[0]),
            results=tuple(run.result for run in runs),
            seeds=pipeline.seeds,
            gate=gate,
            outcome=outcome,
        )
        replace_file(folder / "report.json", report.model_dump_json(indent=1) + "\n")
        replace_file(folder / "report.md", render_pipeline(report))
        return report


# --- data ---------------------------------------------------------------------------------------


def _data(work: _Work) -> _Data:
    pipeline = work.pipeline
    recipe = training_recipe(pipeline, pipeline.seeds[0])
    if pipeline.data is not None:
        recipe = pointed(recipe, pipeline.data)
    if recipe.data.clean.active:
        raise ConfigError(
            "a pipeline tests what is saved on tracks as they are: leave data.clean out of the "
            "recipe, and clean the data itself (genrekit audit --fix)"
        )
    dataset = labelled(load_data(recipe.data, work.cache), recipe.labels)
    recipe = planned(recipe, dataset, replaced=recipe.data.replaced)
    content = work.state.content_of(_files(recipe, dataset))
    file = work.folder / "split.json"

    def split() -> None:
        made = checked_split(dataset, recipe.protocol)
        if len(made.folds) != 1 or not made.folds[0].train:
            raise ConfigError(
                f"{made.protocol} has {len(made.folds)} folds; a pipeline needs one test part that "
                "the saved model has not seen: protocol.name holdout, official or fault-filtered"
            )
        write_split(made, file)

    reads = {
        "data": dataset.fingerprint,
        "content": content,
        "protocol": recipe.protocol.model_dump(mode="json"),
    }
    work.stage("split", reads, [file], split)
    return _Data(recipe, dataset, content, read_split(file))


def _files(recipe: Recipe, dataset: Dataset) -> list[Path]:
    """Everything that the data is made of."""
    audio = [item.path for item in dataset.items if item.path is not None]
    path = recipe.data.path
    return [*audio, path] if path is not None and path.is_file() else audio


def _audited(work: _Work, data: _Data) -> AuditReport | None:
    rule, file = work.pipeline.audit, work.folder / "audit.json"

    def audit() -> None:
        found = run_audit(
            data.dataset, labels=rule.labels, workers=work.workers, progress=work.progress
        )
        replace_file(file, found.model_dump_json(indent=1) + "\n")

    reads = {"content": data.content, "data": data.dataset.fingerprint, "labels": rule.labels}
    work.stage("audit", reads, [file], audit)
    report = AuditReport.model_validate_json(file.read_bytes())
    bad = [one for one in report.findings if one.severity in rule.refuse]
    if bad:
        raise DatasetError(
            f"the audit found {len(bad)} things that the pipeline refuses; the first: "
            f"{bad[0].message} ({bad[0].advice}). All are in {file}"
        )
    return report


# --- models -------------------------------------------------------------------------------------


def _trained(work: _Work, data: _Data, seed: int) -> Path:
    out = work.folder / "models" / f"seed-{seed}"
    recipe = training_recipe(work.pipeline, seed)
    if work.pipeline.data is not None:
        recipe = pointed(recipe, work.pipeline.data)
    feedback = add_feedback(
        work.pipeline.feedback,
        *(data.dataset, data.split, work.folder),
        workers=work.workers,
        cache=work.cache,
    )

    def fit() -> None:
        version = _next_version(recipe.name, recipe.version)
        changed = recipe.model_copy(update={"version": version})
        if feedback is not None:
            changed = with_feedback(changed, feedback)
        out.parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {
            "workers": work.workers,
            "cache": work.cache,
            "overwrite": True,
            "resume": True,
            "progress": lambda stage, *far: work.progress(f"seed {seed}: {stage}", *far),
        }
        if work.pipeline.track is None:
            train(changed, out, **options)
            return
        with tracked(changed, work.pipeline.track) as tracker:
            tracker.bundle(train(changed, out, each_epoch=tracker.each_epoch, **options))

    reads = {
        **data.reads(),
        "recipe": recipe.model_dump(mode="json"),
        "seed": seed,
        "feedback": None if feedback is None else digest_of(feedback.file),
    }
    work.stage(f"train seed {seed}", reads, [out], fit)
    return out


def _next_version(name: str, first: str) -> str:
    """Return the version after the newest of a name in the store, or the recipe's."""
    stored = [one for one in list_bundles() if one.name == name and not one.packaged]
    versions = [tuple(map(int, one.version.split("."))) for one in stored]
    if not versions:
        return first
    major, minor, _ = max(versions)
    return f"{major}.{minor + 1}.0"


def _evaluated(work: _Work, data: _Data, seed: int, model: Path) -> RunResult:
    file = work.folder / "results" / f"seed-{seed}.json"

    def evaluate() -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_run(_score(work, data, Classifier.load(model)), file)

    work.stage(f"evaluate seed {seed}", {**data.reads(), "model": _sha256(model)}, [file], evaluate)
    return read_run(file)


def _score(work: _Work, data: _Data, classifier: Classifier) -> RunResult:
    total = len(data.split.folds[0].test)
    scores = []
    for one in score_items(classifier, data.dataset, data.split):
        scores.append(one)
        work.progress(f"testing {classifier.identity.name}", len(scores), total)
    return bundle_run(classifier, data.dataset, data.split, scores)


def _sha256(model: Path) -> str:
    return load_bundle(model, verify=False).sha256


def _called(model: Path) -> str:
    manifest = load_bundle(model, verify=False).manifest
    return f"{manifest.name}@{manifest.version}"


# --- the champion -------------------------------------------------------------------------------


def _promoted(
    work: _Work, data: _Data, model: Path, run: RunResult
) -> tuple[str, GateReport | None]:
    """Return what became of the challenger, and the gate that it went through."""
    gate_file, done_file = work.folder / "gate.json", work.folder / "promoted.json"
    champion = find_bundle(work.pipeline.champion)
    ours, theirs = _sha256(model), _sha256(champion)
    noted = _read_json(done_file)
    if theirs == ours and noted.get("sha256") != ours and _went_through(gate_file, model):
        noted = _noted(work, champion)  # killed between the promotion and its note
    if noted.get("sha256") == ours:
        gate = GateReport.model_validate_json(gate_file.read_bytes())
        if theirs == ours:
            return f"{noted['model']} is the champion already", gate
        return (
            f"{noted['model']} was promoted before, and another model was put in its place since; "
            "it is not promoted again",
            gate,
        )
    gate = _gated(work, data, model, run, champion)
    if not gate.passed:
        return "the challenger did not pass the gate", gate
    stored = add_bundle(model)
    called = f"{stored.parent.name}@{stored.name}"
    if not work.pipeline.promote:
        return f"{called} passed the gate and is stored; the recipe does not promote", gate
    promote(called, work.pipeline.alias)
    _noted(work, stored)
    return f"{called} is default@{work.pipeline.alias} now", gate


def _went_through(gate_file: Path, model: Path) -> bool:
    """Whether the last model that passed the gate is this one."""
    if not gate_file.is_file():
        return False
    gate = GateReport.model_validate_json(gate_file.read_bytes())
    return gate.passed and gate.challenger == _called(model)


def _noted(work: _Work, promoted: Path) -> dict[str, str]:
    """Say in MLflow, and then in the folder, that a model was promoted."""
    bundle = load_bundle(promoted, verify=False)
    name, version = bundle.manifest.name, bundle.manifest.version
    if work.pipeline.track is not None:
        set_champion(work.pipeline.track, name, version, work.pipeline.alias)
    noted = {"model": f"{name}@{version}", "sha256": bundle.sha256}
    replace_file(work.folder / "promoted.json", json.dumps(noted) + "\n")
    return noted


def _read_json(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ConfigError(f"{file} is damaged; delete it: {error}") from error
    return {str(name): str(value) for name, value in found.items()}


def _gated(work: _Work, data: _Data, model: Path, run: RunResult, champion: Path) -> GateReport:
    file, rules = work.folder / "gate.json", work.pipeline.gate
    other, why_not = _champion_run(work, data, champion)
    first = not promotion_history(work.pipeline.alias)
    robust = None if other is None else _robustness(work, data, model, champion)

    def gate() -> None:
        slower = None
        if other is not None and rules.slower is not None:
            slower = times_as_long(Classifier.load(model), Classifier.load(champion), data.tested)
        report = check_gate(
            rules,
            run,
            other,
            names=(_called(model), _called(champion)),
            why_not=why_not,
            first=first,
            size_bytes=size_of(model),
            slower=slower,
            robust=robust,
        )
        replace_file(file, report.model_dump_json(indent=1) + "\n")

    reads = {
        **data.reads(),
        "rules": rules.model_dump(mode="json"),
        "models": [_sha256(model), _sha256(champion)],
        "first": first,
    }
    work.stage("gate", reads, [file], gate)
    return GateReport.model_validate_json(file.read_bytes())


def _champion_run(work: _Work, data: _Data, champion: Path) -> tuple[RunResult | None, str]:
    """Return the champion's answers to the same tracks, or why there are none."""
    file = work.folder / "results" / "champion.json"

    def evaluate() -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_run(_score(work, data, Classifier.load(champion)), file)
        except GenreError as problem:  # other genres, other features, or it learnt what is tested
            replace_file(file, json.dumps({_NO_CHAMPION: str(problem)}) + "\n")

    reads = {**data.reads(), "model": _sha256(champion)}
    work.stage("evaluate the champion", reads, [file], evaluate)
    known = json.loads(file.read_bytes())
    if _NO_CHAMPION in known:
        return None, str(known[_NO_CHAMPION])
    return read_run(file), ""


def _robustness(
    work: _Work, data: _Data, model: Path, champion: Path
) -> tuple[RobustnessResult, RobustnessResult] | None:
    rules = work.pipeline.gate
    if rules.robustness_margin is None or data.dataset.features is not None:
        return None
    chosen = {name: DISTORTIONS[name] for name in rules.distortions}
    found = []
    for called, place in (("challenger", model), ("champion", champion)):
        file = work.folder / "results" / f"robustness-{called}.json"

        def measure(place: Path = place, file: Path = file) -> None:
            result = robustness(
                Classifier.load(place),
                data.tested.items,
                distortions=chosen,
                workers=work.workers,
            )
            replace_file(file, result.model_dump_json(indent=1) + "\n")

        reads = {**data.reads(), "model": _sha256(place), "distortions": rules.distortions}
        work.stage(f"distort for the {called}", reads, [file], measure)
        found.append(RobustnessResult.model_validate_json(file.read_bytes()))
    return found[0], found[1]
