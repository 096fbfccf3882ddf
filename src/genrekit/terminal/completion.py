"""The script that completes commands in zsh; those of the other shells are Typer's."""

from __future__ import annotations

import os

_ASKED_BY = "_GENREKIT_COMPLETE"
# Typer's begins with an empty line, so zsh does not find it in its folder of functions; and the
# first Tab of a session would only load it.
_ZSH = """\
#compdef genrekit

_genrekit() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _GENREKIT_COMPLETE=complete_zsh genrekit)
}

# Loaded as a function it is called at once; sourced it waits.
if [ "$funcstack[1]" = "_genrekit" ]; then
  _genrekit "$@"
else
  compdef _genrekit genrekit
fi
"""


def asked_completion() -> str | None:
    """Return the script that the environment asks for; None if Typer answers, or nobody asked."""
    return _ZSH if os.environ.get(_ASKED_BY) == "source_zsh" else None
