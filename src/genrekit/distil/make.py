"""A recipe of ``kind: distil`` to a bundle with an embedding."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

import genrekit
from genrekit.bundles import check_target, write_bundle
from genrekit.distil.blocks import Hints, check_plan, teacher_network, train_blocks
from genrekit.distil.fit import (
    Rows,
    Student,
    Target,
    agreement,
    decibels,
    embed_all,
    train_together,
)
from genrekit.distil.music import Windows, gather
from genrekit.distil.recipe import DistilRecipe, MusicFolder
from genrekit.export import check_outputs, export_embedding
from genrekit.features import frontend_fingerprint
from genrekit.files import cache_home
from genrekit.jukebox import synthesise
from genrekit.models import Musicnn, Network, NetworkConfig, build_network
from genrekit.models.musicnn import MusicnnBody, MusicnnNetwork
from genrekit.models.pretrained import PublishedConfig
from genrekit.progress import Progress, silent
from genrekit.schema import (
    Agreement,
    BundleMetrics,
    Manifest,
    Provenance,
    WindowConfig,
)
from genrekit.training import (
    Backbone,
    BundleBackbone,
    Origin,
    fetched_weights,
    published_backbone,
    published_origin,
    saved_backbone,
)

_GOLDEN_SECONDS = 5.0
_LIBRARIES = ("numpy", "onnx", "scipy", "torch")
FRONTEND = "mel"


def distil(
    recipe: DistilRecipe,
    out: Path,
    *,
    workers: int = 1,
    overwrite: bool = False,
    work: Path | None = None,
    progress: Progress = silent,
) -> Path:
    """Train a student on unlabelled music and save it.

    Parameters
    ----------
    work : Path, optional
        Where windows and checkpoints are kept, so that a run that was stopped goes on; by default
        a folder of the user's cache.
    progress : callable
        Called with the stage, its steps that are done, and all of them.

    Returns
    -------
    Path
        ``out``, a bundle that gives an embedding and predicts nothing.

    Raises
    ------
    ConfigError
        If there is no music, or the teacher cannot be had.
    BundleError
        If ``out`` cannot be written, or the graph differs from the student.
    """
    check_target(out, overwrite)
    work = work or cache_home() / "distil"
    key = hashlib.sha256(recipe.model_dump_json(exclude={"text"}).encode()).hexdigest()[:16]
    checkpoints = work / f"{recipe.name}-{key}"
    by_blocks = recipe.method == "blocks"
    teacher = None if by_blocks else _backbone(recipe)
    hints = _hints(recipe) if by_blocks else None

    def read(folders: Sequence[MusicFolder], stage: str, *, disturb: bool) -> Windows:
        return gather(
            recipe,
            folders,
            work / "windows",
            teacher=teacher,
            disturb=disturb,
            workers=workers,
            progress=progress,
            stage=f"read {stage}",
        )

    # All of it is read first: what is missing should not show after hours of training.
    music = read(recipe.music, "music", disturb=True)
    validation = [(_name(one), read([one], _name(one), disturb=False)) for one in recipe.validation]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network, student, target = _start(recipe, music, hints, checkpoints, progress)
        train_together(
            student,
            music,
            target,
            steps=recipe.steps,
            batch=recipe.batch,
            rate=recipe.learning_rate,
            seed=recipe.seed,
            checkpoint=checkpoints / "all.safetensors",
            progress=progress,
        )
    agreements = _agreements(student, validation, target, progress)
    written = _write(recipe, network, student, music, agreements, out, overwrite=overwrite)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return written


def _by_hints(hints: Hints, body: MusicnnBody, windows: Windows, rows: Rows) -> Tensor:
    return hints(body.levels(decibels(windows, rows)))


def _kept(windows: Windows, rows: Rows) -> Tensor:
    return torch.from_numpy(windows.targets[rows])


def _start(
    recipe: DistilRecipe, music: Windows, hints: Hints | None, checkpoints: Path, progress: Progress
) -> tuple[Network, nn.Module, Target]:
    """A student that has learnt nothing yet, or by blocks, and what it is to give."""
    assert isinstance(recipe.student, NetworkConfig)
    shapes = {FRONTEND: music.mel.shape[1:]}
    if hints is not None:
        network = build_network(recipe.student, shapes, 1)
        assert isinstance(network, MusicnnNetwork)
        body = network.musicnn
        train_blocks(
            body,
            hints,
            music,
            steps=recipe.block_steps,
            seed=recipe.seed,
            checkpoint=checkpoints / "front.safetensors",
            progress=progress,
        )
        return network, body, partial(_by_hints, hints, body)
    targets = torch.from_numpy(music.targets)
    network = build_network(recipe.student, shapes, targets.shape[1])
    network.fit_scales({FRONTEND: music.mel.astype(np.float32)})
    spread = targets.std(dim=0).clamp_min(1e-6)
    return network, Student(network, targets.mean(dim=0), spread), _kept


def _backbone(recipe: DistilRecipe) -> Backbone:
    if isinstance(recipe.teacher, BundleBackbone):
        return saved_backbone(recipe.teacher)
    windows = WindowConfig(
        window_seconds=recipe.window_seconds, hop_seconds=recipe.window_seconds, short="loop"
    )
    return published_backbone(recipe.teacher, windows, fetched_weights(recipe.teacher))


def _hints(recipe: DistilRecipe) -> Hints:
    assert isinstance(recipe.teacher, PublishedConfig)
    assert isinstance(recipe.student, Musicnn)
    network = teacher_network(fetched_weights(recipe.teacher))
    window = round(recipe.window_seconds * recipe.frontend.sample_rate_hz)
    check_plan(network, recipe.student, recipe.frontend, window)
    return Hints(network, (*recipe.student.timbre, *recipe.student.tempo))


def _name(folder: MusicFolder) -> str:
    return folder.name or folder.path.name


def _agreements(
    student: nn.Module,
    validation: Sequence[tuple[str, Windows]],
    target: Target,
    progress: Progress,
) -> tuple[Agreement, ...]:
    student.eval()
    found = []
    for name, windows in validation:
        own = embed_all(
            lambda windows, rows: student(decibels(windows, rows)),
            windows,
            f"agreement on {name}",
            progress,
        )
        wanted = embed_all(target, windows, f"{name}, teacher", progress)
        by_window, by_file = agreement(own, wanted, windows.files)
        found.append(
            Agreement(
                music=name,
                files=len(np.unique(windows.files)),
                windows=len(windows.mel),
                r2_windows=by_window,
                r2_files=by_file,
            )
        )
    return tuple(found)


def _write(
    recipe: DistilRecipe,
    network: Network,
    student: nn.Module,
    music: Windows,
    agreements: tuple[Agreement, ...],
    out: Path,
    *,
    overwrite: bool,
) -> Path:
    model = export_embedding(student, network.shapes)
    sample = music.decibels(np.arange(min(16, len(music.mel))))
    with torch.no_grad():
        expected = student(torch.from_numpy(sample)).numpy()
    check_outputs(model, expected, {FRONTEND: sample})
    weights = {name: value.contiguous() for name, value in student.state_dict().items()}
    rate = recipe.frontend.sample_rate_hz
    return write_bundle(
        out,
        manifest=_manifest(recipe, music, expected.shape[1]),
        model_onnx=model,
        metrics=BundleMetrics(agreement=agreements),
        golden=synthesise("jazz", seconds=_GOLDEN_SECONDS, sample_rate_hz=rate),
        extra_files={"weights.safetensors": safetensors.torch.save(weights)},
        overwrite=overwrite,
    )


def _manifest(recipe: DistilRecipe, music: Windows, columns: int) -> Manifest:
    origin = _origin(recipe)
    frontends = {FRONTEND: recipe.frontend}
    folders = "; ".join(map(_name, recipe.music))
    digest = hashlib.sha256(np.ascontiguousarray(music.mel[::97]).tobytes()).hexdigest()
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        description=recipe.description,
        embedding_only=True,
        architecture=recipe.student.architecture,
        labels=tuple(f"embedding{number:04d}" for number in range(columns)),
        embedding_size=columns,
        frontends=dict(frontends),
        frontend_fingerprints={
            name: frontend_fingerprint(config) for name, config in frontends.items()
        },
        windows=WindowConfig(
            window_seconds=recipe.window_seconds,
            hop_seconds=recipe.window_seconds,
            short="loop",
            minimum_seconds=min(1.0, recipe.window_seconds),
        ),
        provenance=Provenance(
            dataset=f"{music.seconds / 3600:.1f} hours of unlabelled music: {folders}",
            dataset_fingerprint=digest,
            protocol=f"distilled from {origin.name}, {recipe.method}",
            tracks=len(np.unique(music.files)),
            pretrained_on=origin.pretrained_on,
            left_out=recipe.leave_out_because,
            data_licence=recipe.licence_of_music,
            citation=f"Teacher: {origin.citation} ({origin.licence}).",
            recipe=recipe.text,
        ),
        versions={
            "genrekit": genrekit.__version__,
            **{name: version(name) for name in _LIBRARIES},
        },
    )


def _origin(recipe: DistilRecipe) -> Origin:
    if isinstance(recipe.teacher, BundleBackbone):
        return saved_backbone(recipe.teacher).origin
    return published_origin(recipe.teacher)
