"""The numbered genres of ID3v1, and how ID3v2 refers to them."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: By number, with what Winamp added.
ID3V1_GENRES = tuple(
    """Blues|Classic Rock|Country|Dance|Disco|Funk|Grunge|Hip-Hop|Jazz|Metal|New Age|Oldies|Other
Pop|R&B|Rap|Reggae|Rock|Techno|Industrial|Alternative|Ska|Death Metal|Pranks|Soundtrack|Euro-Techno
Ambient|Trip-Hop|Vocal|Jazz+Funk|Fusion|Trance|Classical|Instrumental|Acid|House|Game|Sound Clip
Gospel|Noise|Alt. Rock|Bass|Soul|Punk|Space|Meditative|Instrumental Pop|Instrumental Rock|Ethnic
Gothic|Darkwave|Techno-Industrial|Electronic|Pop-Folk|Eurodance|Dream|Southern Rock|Comedy|Cult
Gangsta Rap|Top 40|Christian Rap|Pop/Funk|Jungle|Native American|Cabaret|New Wave|Psychedelic|Rave
Showtunes|Trailer|Lo-Fi|Tribal|Acid Punk|Acid Jazz|Polka|Retro|Musical|Rock & Roll|Hard Rock|Folk
Folk-Rock|National Folk|Swing|Fast-Fusion|Bebop|Latin|Revival|Celtic|Bluegrass|Avantgarde
Gothic Rock|Progressive Rock|Psychedelic Rock|Symphonic Rock|Slow Rock|Big Band|Chorus
Easy Listening|Acoustic|Humour|Speech|Chanson|Opera|Chamber Music|Sonata|Symphony|Booty Bass|Primus
Porn Groove|Satire|Slow Jam|Club|Tango|Samba|Folklore|Ballad|Power Ballad|Rhythmic Soul|Freestyle
Duet|Punk Rock|Drum Solo|A Cappella|Euro-House|Dance Hall|Goa|Drum & Bass|Club-House|Hardcore|Terror
Indie|BritPop|Afro-Punk|Polsk Punk|Beat|Christian Gangsta Rap|Heavy Metal|Black Metal|Crossover
Contemporary Christian|Christian Rock|Merengue|Salsa|Thrash Metal|Anime|JPop|Synthpop|Abstract
Art Rock|Baroque|Bhangra|Big Beat|Breakbeat|Chillout|Downtempo|Dub|EBM|Eclectic|Electro
Electroclash|Emo|Experimental|Garage|Global|IDM|Illbient|Industro-Goth|Jam Band|Krautrock|Leftfield
Lounge|Math Rock|New Romantic|Nu-Breakz|Post-Punk|Post-Rock|Psytrance|Shoegaze|Space Rock|Trop Rock
World Music|Neoclassical|Audiobook|Audio Theatre|Neue Deutsche Welle|Podcast|Indie Rock|G-Funk
Dubstep|Garage Rock|Psybient""".replace("\n", "|").split("|")
)
NO_GENRE = 255
_REFERENCES = re.compile(r"(?:\((?:\d{1,3}|RX|CR)\))+")
_NAMED = {"RX": "Remix", "CR": "Cover"}


def genre_number(name: str) -> int:
    """Return a genre's number in ID3v1, 255 if it has none; ``hip hop`` is ``Hip-Hop``."""
    return _NUMBERS.get(_letters(name), NO_GENRE)


def _letters(name: str) -> str:
    return re.sub(r"[\s\-_.]+", "", name.casefold().replace(" and ", "&"))


_NUMBERS = {_letters(name): number for number, name in enumerate(ID3V1_GENRES)}
# Those that differ in what is left out are told apart by the first.
_NUMBERS |= {"rnb": 14, "drum'n'bass": 127}


def genre_name(number: str) -> str:
    """Return what a number in brackets or alone means; itself if it means nothing."""
    if number in _NAMED:
        return _NAMED[number]
    return ID3V1_GENRES[int(number)] if int(number) < len(ID3V1_GENRES) else number


def spelt_out(values: Iterable[str]) -> tuple[str, ...]:
    """Genres of a TCON frame as names: ``17`` and ``(17)`` are Rock, ``(4)Eurodisco`` two."""
    found: dict[str, None] = {}
    for value in values:
        found.update(dict.fromkeys(_names(value.strip())))
    return tuple(found)


def _names(value: str) -> list[str]:
    if value.isascii() and value.isdigit() and len(value) <= 3:
        return [genre_name(value)]
    together = _REFERENCES.match(value)
    if together is None:
        text = value[1:] if value.startswith("((") else value
        return [text] if text else []
    numbers = together[0][1:-1].split(")(")
    names = [genre_name(number) for number in numbers]
    rest = value[together.end() :]
    if rest.startswith("(("):
        rest = rest[1:]
    unknown = [f"({one})" if one.isdigit() else one for one in names]
    return [*unknown, rest] if rest and rest not in names else unknown


def bracketed(name: str) -> str:
    """Return a name as ID3v2.3 has it: one that begins with a bracket would be a reference."""
    return f"({name}" if name.startswith("(") else name
