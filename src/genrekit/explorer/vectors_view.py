"""An index: a map of its tracks, and who is next to whom."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import streamlit as st

from genrekit.batch import Index, read_index
from genrekit.errors import MissingExtraError
from genrekit.explain import TSNE_COMPONENTS, Rows, fit_scaling, principal_components, tsne
from genrekit.explorer.parts import choose_point, pick, plain_text, show_table
from genrekit.pages import Points, Table

_MOST_MAPPED = 3000
_NEIGHBOURS = 10
_PLANES = ("Principal components", "t-SNE")


def show_vectors(path: Path) -> None:
    """One index."""
    index = read_index(path)
    made = index.manifest
    st.title("Embeddings")
    st.markdown(
        plain_text(
            f"{len(made.tracks)} tracks of {made.folder}, each as {index.vectors.shape[1]} numbers "
            f"({made.kind}) of {made.model.name} {made.model.version}. Genres are the folders."
        )
    )
    if len(made.tracks) < 2:
        st.markdown("A map needs at least two tracks.")
        return
    rows = list(range(len(made.tracks)))[:: 1 + len(made.tracks) // _MOST_MAPPED]
    if len(rows) < len(made.tracks):
        st.caption(f"{len(rows)} of them are on the map.")
    names = [made.tracks[row].path for row in rows]
    plane = pick("Map", _PLANES, "plane")
    x, y = _mapped(index, rows, plane, made.vectors_sha256).T
    points = Points(plane, x, y, [genre_of(name) for name in names], names, "", "")
    clicked = choose_point(points, f"index {plane}")
    every = [track.path for track in made.tracks]
    # A click on the map moves the list beneath it.
    if clicked is not None and st.session_state.get("clicked") != names[clicked]:
        st.session_state["clicked"] = st.session_state["track"] = names[clicked]
    chosen = pick("Most like", every, "track")
    near = index.similar(index.vectors[every.index(chosen)], top=_NEIGHBOURS, without=chosen)
    rows_of_text = [(one.path, genre_of(one.path), f"{one.similarity:.3f}") for one in near]
    show_table(Table(("track", "genre", "similarity"), rows_of_text))
    _play(Path(made.folder) / chosen)


def genre_of(path: str) -> str:
    """Return the folder that a track lies in, where libraries keep genres."""
    parents = PurePosixPath(path).parts[:-1]
    return parents[0] if parents else "none"


def _mapped(index: Index, rows: list[int], plane: str, sha256: str) -> Rows:
    key = f"mapped {sha256} {plane}"
    if key not in st.session_state:
        vectors = index.vectors[rows].astype(np.float64)
        scaled = vectors if index.manifest.kind == "embedding" else fit_scaling(vectors)(vectors)
        kept = principal_components(scaled).project(scaled, TSNE_COMPONENTS)
        if plane == "t-SNE" and len(kept) >= 4:
            try:
                kept = tsne(kept)
            except MissingExtraError as missing:
                st.info(plain_text(f"{missing}. These are the principal components."))
        st.session_state[key] = np.pad(kept, ((0, 0), (0, max(0, 2 - kept.shape[1]))))[:, :2]
    found: Rows = st.session_state[key]
    return found


def _play(file: Path) -> None:
    if file.is_file():
        st.audio(str(file))
