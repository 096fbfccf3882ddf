"""Where genrekit keeps what it stores for a user: models and the feature cache."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """``$GENREKIT_HOME``, else ``$XDG_DATA_HOME/genrekit``, else ``~/.local/share/genrekit``."""
    if chosen := os.environ.get("GENREKIT_HOME"):
        return Path(chosen)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "genrekit"
