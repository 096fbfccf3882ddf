"""Start the explorer for the one who sits at this machine."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from genrekit.errors import MissingExtraError
from genrekit.files import shipped
from genrekit.pages import COLOURS

_NEEDED = ("streamlit", "plotly")


def launch(paths: Sequence[Path], *, port: int = 8501, browser: bool = True) -> None:
    """Serve the explorer on loopback until Ctrl-C or SIGTERM.

    Raises
    ------
    MissingExtraError
        Without Streamlit or Plotly.
    """
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(name, "explorer")
    from streamlit.web import cli

    cli.main(arguments(paths, port=port, browser=browser), standalone_mode=False)


def arguments(paths: Sequence[Path], *, port: int, browser: bool) -> list[str]:
    """Return what Streamlit is told: only this machine may call, and nothing is sent anywhere."""
    settings = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": "false" if browser else "true",
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "theme.light.primaryColor": COLOURS[0],
        "theme.dark.primaryColor": COLOURS[5],
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [
        "run",
        str(shipped("genrekit.explorer", "page.py")),
        *flags,
        "--",
        *(str(Path(path).absolute()) for path in paths),
    ]
