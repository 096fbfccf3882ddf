"""A jukebox: short synthetic clips in the ten GTZAN genres, so that nothing need be downloaded.

>>> from genrekit.jukebox import synthesise
>>> synthesise("disco", seconds=2.0, seed=7).seconds
2.0

Rhythm, bass, harmony, timbre and form follow what is typical of each genre; the seed chooses
tempo, key, progression, instruments and performance within it. The clips are a **test signal**:
they exercise decoding, features, training and serving. They are no evidence of accuracy on real
music, because a model that tells ten recipes apart has only learnt the recipes.
"""

from __future__ import annotations

from genrekit.jukebox.play import JUKEBOX_GENRES, synthesise

__all__ = ["JUKEBOX_GENRES", "synthesise"]
