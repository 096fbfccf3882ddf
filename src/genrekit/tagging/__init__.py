"""Genres in the tags of audio files: plan, write, and undo to the byte.

Nothing but the genre and two fields of our own changes in a file; every other byte stays what it
is. A change is a few replaced stretches of bytes (`splice`), so what takes it back is as small.
"""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
