"""The teacher's 50 tags in groups, and the thirty genres of the head ``wide``."""

from __future__ import annotations

from genrekit.models.pretrained.musicnn import TAGS

GROUPS: dict[str, tuple[str, ...]] = {
    "genres": (
        *("rock", "pop", "alternative", "indie", "electronic", "dance", "alternative rock"),
        *("jazz", "metal", "classic rock", "soul", "indie rock", "electronica", "folk", "punk"),
        *("blues", "hard rock", "ambient", "experimental", "Hip-Hop", "country", "easy listening"),
        *("funk", "electro", "heavy metal", "Progressive rock", "rnb", "indie pop", "House"),
    ),
    "moods": (
        *("beautiful", "chillout", "Mellow", "chill", "party", "sexy", "catchy", "sad", "happy"),
    ),
    "eras": ("00s", "80s", "90s", "oldies", "70s", "60s"),
    "voices and instruments": (
        *("female vocalists", "male vocalists", "instrumental", "acoustic", "female vocalist"),
        "guitar",
    ),
}
#: Genres of the head ``genre``, and the tags that are further genres.
FURTHER: dict[str, str] = {
    "alternative": "alternative",
    "alternative rock": "alternative rock",
    "ambient": "ambient",
    "classic rock": "classic rock",
    "dance": "dance",
    "easy listening": "easy listening",
    "electro": "electro",
    "electronic": "electronic",
    "electronica": "electronica",
    "experimental": "experimental",
    "folk": "folk",
    "funk": "funk",
    "hard rock": "hard rock",
    "heavy metal": "heavy metal",
    "House": "house",
    "indie": "indie",
    "indie pop": "indie pop",
    "indie rock": "indie rock",
    "Progressive rock": "progressive rock",
    "punk": "punk",
    "rnb": "rnb",
    "soul": "soul",
}
assert sorted(tag for tags in GROUPS.values() for tag in tags) == sorted(TAGS)
