"""File, bytes or stream to :class:`Waveform`, bounded while decoding.

>>> from genrekit.audio import Waveform, decode  # decode("song.mp3") is a Waveform
"""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
