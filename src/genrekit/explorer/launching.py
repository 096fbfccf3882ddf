"""Start the explorer for the one who sits at this machine."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from genrekit.errors import MissingExtraError

_NEEDED = ("streamlit", "plotly")
_PAGE = Path(__file__).with_name("page.py")


def launch(paths: Sequence[Path], *, port: int = 8501, browser: bool = True) -> int:
    """Serve the explorer on loopback until Ctrl-C; return the exit code of its process.

    Raises
    ------
    MissingExtraError
        Without Streamlit or Plotly.
    """
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(name, "explorer")
    with subprocess.Popen(command(paths, port=port, browser=browser)) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # it has been told too, and ends by itself
            process.wait()
            raise


def command(paths: Sequence[Path], *, port: int, browser: bool) -> list[str]:
    """What is run: nothing is sent anywhere, nothing is asked first, only this machine may call."""
    settings = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": "false" if browser else "true",
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "theme.primaryColor": "#0072B2",
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    run = [sys.executable, "-P", "-m", "streamlit", "run", str(_PAGE), *flags]
    return [*run, "--", *(str(Path(path).absolute()) for path in paths)]
