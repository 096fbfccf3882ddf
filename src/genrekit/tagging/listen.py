"""The model's answers for files, each asked for once: what was heard is remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from genrekit.batch import predict_many
from genrekit.progress import Progress, silent
from genrekit.schema import TrackPrediction
from genrekit.tagging.choose import Labels

Listen = Callable[[Sequence[Path]], Iterable[tuple[Path, TrackPrediction]]]


def listener(
    model: str | Path = "default",
    *,
    labels: Labels = "genres",
    workers: int = 1,
    progress: Progress = silent,
) -> Listen:
    """What `make_plan` asks for answers."""

    def listen(paths: Sequence[Path]) -> Iterator[tuple[Path, TrackPrediction]]:
        answers = predict_many(paths, model, workers=workers, tags=labels != "genres")
        for number, (path, answer) in enumerate(zip(paths, answers, strict=True)):
            progress("Listening", number, len(paths))
            yield path, answer

    return listen
