"""Genres from audio for beets: at import, and as ``beet genrekit``.

beets itself writes the tags, as it writes all others; nothing of ``genrekit tag`` is involved.
Settings, below ``genrekit:`` in the configuration of beets::

    auto: yes        # at import
    force: no        # also where there are genres
    model: default
    top: 5           # genres a track, at most
    relative: 0.5    # those below this part of the best score are left out
    taxonomy: box    # a name or a file, such as the genres-tree.yaml of beets
    parents: none    # or with, or only
    casing: title    # or lower, or as-is
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from beets import ui
from beets.plugins import BeetsPlugin

from genrekit.errors import ConfigError, GenreError
from genrekit.inference import Classifier
from genrekit.tagging import Naming, Rules, choose_genres, load_taxonomy, own_spelling, scores_of


class GenrekitPlugin(BeetsPlugin):  # type: ignore[misc]
    """Fills beets' list of genres from what a track sounds like."""

    def __init__(self) -> None:
        super().__init__()
        self.config.add(
            {
                "auto": True,
                "force": False,
                "model": "default",
                "top": 5,
                "relative": 0.5,
                "taxonomy": "box",
                "parents": "none",
                "casing": "title",
            }
        )
        if self.config["auto"].get(bool):
            self.import_stages = [self.imported]

    @cached_property
    def classifier(self) -> Classifier:
        """The model, loaded when the first track is analysed."""
        return Classifier.load(self.config["model"].as_str())

    @cached_property
    def naming(self) -> Naming:
        """What labels are called."""
        parents, casing = self.config["parents"].as_str(), self.config["casing"].as_str()
        if parents not in ("none", "with", "only") or casing not in ("title", "lower", "as-is"):
            raise ConfigError(f"parents {parents!r} or casing {casing!r} is not one that is known")
        taxonomy = load_taxonomy(self.config["taxonomy"].as_str())
        own = own_spelling(self.config["model"].as_str())
        return Naming(taxonomy, own, parents=parents, casing=casing)

    def genres(self, path: Path) -> list[str]:
        """Return the genres of a file, best first; none where the model says unknown."""
        rules = Rules(top=self.config["top"].get(int), relative=self.config["relative"].as_number())
        answer = self.classifier.predict_file(path)
        return list(choose_genres(scores_of(answer, "genres"), rules, self.naming))

    def imported(self, session: Any, task: Any) -> None:
        """Stage of the import: genres of all tracks that have none."""
        self.fill(task.imported_items(), force=self.config["force"].get(bool))

    def fill(self, items: Iterable[Any], *, force: bool, write: bool = False) -> int:
        """Set the genres of tracks in the library; how many were set."""
        done = 0
        for item in items:
            if item.genres and not force:
                continue
            try:
                found = self.genres(Path(item.filepath))
            except GenreError as error:
                self._log.warning("{}: {}", item, error)
                continue
            if found:
                item.genres = found
                item.try_sync(write=write, move=False)
                done += 1
        return done

    def commands(self) -> Sequence[Any]:
        """``beet genrekit``."""
        command = ui.Subcommand("genrekit", help="tell genres from audio")
        command.parser.add_option(
            *("-f", "--force"), action="store_true", default=False, help="replace genres too"
        )
        command.func = self._run
        return [command]

    def _run(self, library: Any, options: Any, arguments: Sequence[str]) -> None:
        force = options.force or self.config["force"].get(bool)
        items = library.items(arguments)
        done = self.fill(items, force=force, write=ui.should_write())
        self._log.info("{} tracks have new genres", done)
