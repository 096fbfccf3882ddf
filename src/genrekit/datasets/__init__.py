"""Corpora: one file each, all turned into `Dataset`, and splits that keep recordings together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.datasets.cells import Cells, read_cells
    from genrekit.datasets.dataset import CorpusInfo, Dataset, Item, track_digest
    from genrekit.datasets.described import read_columns, with_features
    from genrekit.datasets.fix_plan import (
        ColumnAction,
        DropAction,
        FixPlan,
        RelabelAction,
        apply_plan,
        read_plan,
        render_plan,
    )
    from genrekit.datasets.fma_tables import read_fma_genres, read_fma_tracks
    from genrekit.datasets.fold import Fold
    from genrekit.datasets.gtzan_facts import (
        EXACT_REPETITIONS,
        GTZAN_GENRES,
        NEAR_REPETITIONS,
        TRACKS_PER_GENRE,
        UNREADABLE_IN_KAGGLE,
        parse_name,
    )
    from genrekit.datasets.label_maps import LabelMap, label_map, with_common_labels
    from genrekit.datasets.label_set import (
        as_multi_label,
        as_taxonomy,
        choose_labels,
        read_taxonomy,
        with_taxonomy,
    )
    from genrekit.datasets.leave_out import drop_tracks
    from genrekit.datasets.looks_like import corpus_of, find_corpora, is_number
    from genrekit.datasets.msd_hdf5 import read_msd_track
    from genrekit.datasets.msd_labels import read_msd_labels
    from genrekit.datasets.opening import Columns, open_data
    from genrekit.datasets.part_balance import PartBalance, balance, largest_deviation
    from genrekit.datasets.part_names import named_recordings
    from genrekit.datasets.picture_files import drawing_of, read_picture
    from genrekit.datasets.registry import DATASETS, corpus_info, load_dataset
    from genrekit.datasets.relations import (
        RELATIONS,
        Pair,
        Relation,
        known_pairs,
        known_relations,
        mark,
        read_pairs,
        related,
    )
    from genrekit.datasets.split_file import read_split, write_split
    from genrekit.datasets.splits import (
        PROTOCOLS,
        Split,
        checked_shares,
        leaking_groups,
        leaking_relations,
        make_split,
    )
    from genrekit.datasets.step_rows import as_sequences
    from genrekit.datasets.taxonomy import Taxonomy

__all__ = [
    "DATASETS",
    "EXACT_REPETITIONS",
    "GTZAN_GENRES",
    "NEAR_REPETITIONS",
    "PROTOCOLS",
    "RELATIONS",
    "TRACKS_PER_GENRE",
    "UNREADABLE_IN_KAGGLE",
    "Cells",
    "ColumnAction",
    "Columns",
    "CorpusInfo",
    "Dataset",
    "DropAction",
    "FixPlan",
    "Fold",
    "Item",
    "LabelMap",
    "Pair",
    "PartBalance",
    "RelabelAction",
    "Relation",
    "Split",
    "Taxonomy",
    "apply_plan",
    "as_multi_label",
    "as_sequences",
    "as_taxonomy",
    "balance",
    "checked_shares",
    "choose_labels",
    "corpus_info",
    "corpus_of",
    "drawing_of",
    "drop_tracks",
    "find_corpora",
    "is_number",
    "known_pairs",
    "known_relations",
    "label_map",
    "largest_deviation",
    "leaking_groups",
    "leaking_relations",
    "load_dataset",
    "make_split",
    "mark",
    "named_recordings",
    "open_data",
    "parse_name",
    "read_cells",
    "read_columns",
    "read_fma_genres",
    "read_fma_tracks",
    "read_msd_labels",
    "read_msd_track",
    "read_pairs",
    "read_picture",
    "read_plan",
    "read_split",
    "read_taxonomy",
    "related",
    "render_plan",
    "track_digest",
    "with_common_labels",
    "with_features",
    "with_taxonomy",
    "write_split",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "Cells": "genrekit.datasets.cells",
    "read_cells": "genrekit.datasets.cells",
    "CorpusInfo": "genrekit.datasets.dataset",
    "Dataset": "genrekit.datasets.dataset",
    "Item": "genrekit.datasets.dataset",
    "track_digest": "genrekit.datasets.dataset",
    "read_columns": "genrekit.datasets.described",
    "with_features": "genrekit.datasets.described",
    "ColumnAction": "genrekit.datasets.fix_plan",
    "DropAction": "genrekit.datasets.fix_plan",
    "FixPlan": "genrekit.datasets.fix_plan",
    "RelabelAction": "genrekit.datasets.fix_plan",
    "apply_plan": "genrekit.datasets.fix_plan",
    "read_plan": "genrekit.datasets.fix_plan",
    "render_plan": "genrekit.datasets.fix_plan",
    "read_fma_genres": "genrekit.datasets.fma_tables",
    "read_fma_tracks": "genrekit.datasets.fma_tables",
    "Fold": "genrekit.datasets.fold",
    "EXACT_REPETITIONS": "genrekit.datasets.gtzan_facts",
    "GTZAN_GENRES": "genrekit.datasets.gtzan_facts",
    "NEAR_REPETITIONS": "genrekit.datasets.gtzan_facts",
    "TRACKS_PER_GENRE": "genrekit.datasets.gtzan_facts",
    "UNREADABLE_IN_KAGGLE": "genrekit.datasets.gtzan_facts",
    "parse_name": "genrekit.datasets.gtzan_facts",
    "LabelMap": "genrekit.datasets.label_maps",
    "label_map": "genrekit.datasets.label_maps",
    "with_common_labels": "genrekit.datasets.label_maps",
    "as_multi_label": "genrekit.datasets.label_set",
    "as_taxonomy": "genrekit.datasets.label_set",
    "choose_labels": "genrekit.datasets.label_set",
    "read_taxonomy": "genrekit.datasets.label_set",
    "with_taxonomy": "genrekit.datasets.label_set",
    "drop_tracks": "genrekit.datasets.leave_out",
    "corpus_of": "genrekit.datasets.looks_like",
    "find_corpora": "genrekit.datasets.looks_like",
    "is_number": "genrekit.datasets.looks_like",
    "read_msd_track": "genrekit.datasets.msd_hdf5",
    "read_msd_labels": "genrekit.datasets.msd_labels",
    "Columns": "genrekit.datasets.opening",
    "open_data": "genrekit.datasets.opening",
    "PartBalance": "genrekit.datasets.part_balance",
    "balance": "genrekit.datasets.part_balance",
    "largest_deviation": "genrekit.datasets.part_balance",
    "named_recordings": "genrekit.datasets.part_names",
    "drawing_of": "genrekit.datasets.picture_files",
    "read_picture": "genrekit.datasets.picture_files",
    "DATASETS": "genrekit.datasets.registry",
    "corpus_info": "genrekit.datasets.registry",
    "load_dataset": "genrekit.datasets.registry",
    "RELATIONS": "genrekit.datasets.relations",
    "Pair": "genrekit.datasets.relations",
    "Relation": "genrekit.datasets.relations",
    "known_pairs": "genrekit.datasets.relations",
    "known_relations": "genrekit.datasets.relations",
    "mark": "genrekit.datasets.relations",
    "read_pairs": "genrekit.datasets.relations",
    "related": "genrekit.datasets.relations",
    "read_split": "genrekit.datasets.split_file",
    "write_split": "genrekit.datasets.split_file",
    "PROTOCOLS": "genrekit.datasets.splits",
    "Split": "genrekit.datasets.splits",
    "checked_shares": "genrekit.datasets.splits",
    "leaking_groups": "genrekit.datasets.splits",
    "leaking_relations": "genrekit.datasets.splits",
    "make_split": "genrekit.datasets.splits",
    "as_sequences": "genrekit.datasets.step_rows",
    "Taxonomy": "genrekit.datasets.taxonomy",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
