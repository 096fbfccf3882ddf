"""What a command prints: predictions, problems, progress; results on stdout, all else on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.terminal.answers import (
        show_answers,
        show_stages,
    )
    from genrekit.terminal.batch import (
        following,
        show_entry,
        show_summary,
    )
    from genrekit.terminal.completion import (
        asked_completion,
    )
    from genrekit.terminal.console import (
        errors,
        log_to_stderr,
        mend_streams,
        named,
        plain,
        print_json,
        print_json_line,
        print_markdown,
        print_problem,
        progress_bars,
        results,
        track,
        workers,
    )

__all__ = [
    "asked_completion",
    "errors",
    "following",
    "log_to_stderr",
    "mend_streams",
    "named",
    "plain",
    "print_json",
    "print_json_line",
    "print_markdown",
    "print_problem",
    "progress_bars",
    "results",
    "show_answers",
    "show_entry",
    "show_stages",
    "show_summary",
    "track",
    "workers",
]

# Resolved on first use: a command imports no more than it prints with.
_ANSWERS = "genrekit.terminal.answers"
_BATCH = "genrekit.terminal.batch"
_COMPLETION = "genrekit.terminal.completion"
_CONSOLE = "genrekit.terminal.console"
_HOMES = {
    "asked_completion": _COMPLETION,
    "errors": _CONSOLE,
    "following": _BATCH,
    "log_to_stderr": _CONSOLE,
    "mend_streams": _CONSOLE,
    "named": _CONSOLE,
    "plain": _CONSOLE,
    "print_json": _CONSOLE,
    "print_json_line": _CONSOLE,
    "print_markdown": _CONSOLE,
    "print_problem": _CONSOLE,
    "progress_bars": _CONSOLE,
    "results": _CONSOLE,
    "show_answers": _ANSWERS,
    "show_entry": _BATCH,
    "show_stages": _ANSWERS,
    "show_summary": _BATCH,
    "track": _CONSOLE,
    "workers": _CONSOLE,
}

__getattr__ = resolver(__name__, _HOMES)
