"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: ``absent``: not there, and only what it is for is missing. ``broken``: genrekit cannot work.
State = Literal["ok", "absent", "warning", "broken"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was seen of one thing, and what to do about it.

    Attributes
    ----------
    about : str
        What part of the installation: "codecs", "extras", ...
    name : str
        Which of them: "flac", "train", ...
    state : {"ok", "absent", "warning", "broken"}
    seen : str
        In one line.
    advice : str
        What to do; empty where nothing need be done.
    """

    about: str
    name: str
    state: State
    seen: str
    advice: str = ""
