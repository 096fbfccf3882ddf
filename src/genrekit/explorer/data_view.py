"""A table or a folder of music: balance, columns, maps, and the tracks themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from genrekit.datasets import load_dataset
from genrekit.explain import Explored, boxes_of, exploration_sections, explore_dataset
from genrekit.explorer.parts import choose_point, pick, plain_text, show_chart, show_section
from genrekit.features import FeatureCache
from genrekit.inference import printable
from genrekit.pages import Lines, Points, unique

_BINS = 40


def show_data(path: Path) -> None:
    """One set."""
    explored = _explored(path)
    found = explored.found
    st.title(plain_text(found.dataset))
    st.markdown(
        f"{found.items} items of {found.recordings} recordings, {len(found.counts)} genres, "
        f"{len(found.columns)} columns"
    )
    for note in found.notes[:20]:
        st.warning(plain_text(note))
    sections = exploration_sections(explored)
    tabs = st.tabs(["Tracks", "One column", *(section.title for section in sections)])
    with tabs[0]:
        _show_map(explored)
    with tabs[1]:
        _show_column(explored)
    for tab, section in zip(tabs[2:], sections, strict=True):
        with tab:
            show_section(section)


def _explored(path: Path) -> Explored:
    """Return what is known of a set; looked at again when it has changed."""
    key = f"explored {path} {path.stat().st_mtime_ns}"
    if key not in st.session_state:
        manifest = path.suffix in (".jsonl", ".ndjson")
        corpus = "folder" if path.is_dir() else "manifest" if manifest else "table"
        place = st.empty()
        try:
            st.session_state[key] = explore_dataset(
                load_dataset(corpus, path),
                cache=FeatureCache.default(),
                progress=lambda stage, done, total: place.progress(done / max(1, total), stage),
            )
        finally:
            place.empty()
    explored: Explored = st.session_state[key]
    return explored


def _show_map(explored: Explored) -> None:
    maps = {"Principal components": explored.components}
    if explored.neighbours is not None:
        maps["Neighbour graph"] = explored.neighbours
    if explored.tsne is not None:
        maps["t-SNE"] = explored.tsne
    else:
        st.markdown("For t-SNE, another map of neighbours, install genrekit\\[train\\].")
    left, right = st.columns(2)
    with left:
        title = pick("Map", list(maps), "map")
    genres = right.multiselect("Genres", unique(explored.genres), key="genres", placeholder="All")
    rows = [row for row, genre in enumerate(explored.genres) if genre in genres or not genres]
    x, y = maps[title][rows].T
    items = explored.dataset.items
    names = [printable(items[row].item_id) for row in rows]
    points = Points(title, x, y, [explored.genres[row] for row in rows], names, "", "")
    chosen = choose_point(points, f"map of {title}")
    if chosen is None:
        st.caption("Click a point to see, and where there is audio to play, what it is.")
        return
    item = items[rows[chosen]]
    st.markdown(plain_text(f"{printable(item.item_id)}: {', '.join(item.labels)}"))
    if item.path is not None:
        st.audio(str(item.path), start_time=item.start_seconds or 0)


def _show_column(explored: Explored) -> None:
    name = pick("Column", [one.name for one in explored.found.columns], "column")
    show_chart(distribution(explored, name), "distribution")
    show_chart(boxes_of(explored, name, "Quartiles"), "boxes")


def distribution(explored: Explored, name: str) -> Lines:
    """How often each value of a column occurs in each genre."""
    groups = boxes_of(explored, name, name).groups
    every = np.concatenate([np.asarray(values, float) for values in groups.values()])
    edges = np.histogram_bin_edges(every, bins=_BINS)
    shares = {
        genre: np.histogram(values, bins=edges)[0] / max(1, len(values))
        for genre, values in groups.items()
    }
    middle = (edges[:-1] + edges[1:]) / 2
    return Lines("Distribution", middle, shares, name, "share of the genre's items")
