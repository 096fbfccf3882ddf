"""The explorer's frame: what is open, what went wrong, and the view of what is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from genrekit.errors import GenreError
from genrekit.explorer.data_view import show_data
from genrekit.explorer.opening import Opened, open_paths
from genrekit.explorer.parts import plain_text
from genrekit.explorer.results_view import show_results
from genrekit.explorer.vectors_view import show_vectors

_WELCOME = """\
Name what you want to look at, here on the left or on the command line:

- a results file that `genrekit evaluate -o`, `train --results` or `study -o` wrote, or a folder of
  them: whatever `genrekit report` takes,
- a table of features, or a folder with a folder of music for each genre,
- an index that `genrekit index` wrote.
"""


def show(paths: Sequence[str]) -> None:
    """Everything, once."""
    st.set_page_config(page_title="genrekit explorer", page_icon="🎵", layout="wide")
    st.sidebar.title("genrekit explorer")
    further = st.sidebar.text_input("Open a file or folder", key="further")
    wanted = [Path(path) for path in paths]
    if further.strip():
        wanted.append(Path(further.strip()).expanduser())
    opened = open_paths(wanted)
    for problem in opened.problems:
        st.error(plain_text(problem))
    choices = _choices(opened)
    if not choices:
        st.title("Nothing is open yet")
        st.markdown(_WELCOME)
        return
    chosen = st.sidebar.radio("Show", list(choices), key="chosen", format_func=plain_text)
    kind, path = choices[chosen]
    try:
        if kind == "results":
            show_results(opened.results)
        elif kind == "data":
            show_data(path)
        else:
            show_vectors(path)
    except (GenreError, OSError) as problem:
        st.error(plain_text(str(problem)))


def _choices(opened: Opened) -> dict[str, tuple[str, Path]]:
    choices = {}
    if opened.results:
        choices["Results"] = ("results", Path())
    for kind, title, paths in (
        ("data", "Data", opened.data),
        ("vectors", "Embeddings", opened.vectors),
    ):
        choices |= {f"{title}: {path.name}": (kind, path) for path in paths}
    return choices
