"""``genrekit explorer`` serves on this machine alone until it is told to stop."""

from __future__ import annotations

import re
import signal
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrekit.explorer import launching


def test_without_its_extra_it_says_what_to_install(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_NEEDED", ("a_package_that_nobody_has",))
    ran = run("explorer")
    assert ran.code != 0
    assert "genrekit[explorer]" in ran.err


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(
    start: Callable[..., Any], table: Path, told: signal.Signals
) -> None:
    pytest.importorskip("streamlit")
    pytest.importorskip("plotly")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with start("explorer", table, "--no-browser", "--port", str(port)) as process:
        try:
            line = b""
            while not re.search(rb"URL: http", line):
                line = process.stdout.readline()
                assert line, process.stderr.read()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
                assert page.status == 200
            process.send_signal(told)
            process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode in (0, 130, -told)
