"""Many windows are scored some at a time, so that a small worker has room for the maps inside."""

from __future__ import annotations

from typing import Any

import numpy as np

from genrekit.bundles.session import run_session


class Recording:
    """A session that notes how much it is given at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, outputs: list[str], feed: dict[str, Any]) -> list[Any]:
        (rows,) = feed.values()
        self.sizes.append(rows.size)
        return [np.full((len(rows), 2), rows[:, :1, 0], np.float32)]


def test_spectrograms_come_in_small_parts_and_all_are_scored() -> None:
    windows = np.ones((116, 96, 187), np.float32) * np.arange(116, dtype=np.float32)[:, None, None]
    session = Recording()
    scores = run_session(session, {"mel": windows}, n_labels=2)
    assert scores[:, 0].tolist() == list(range(116))
    assert max(session.sizes) <= 2**19  # two megabytes, and a network's maps are hundreds of times
    assert len(session.sizes) == 4
