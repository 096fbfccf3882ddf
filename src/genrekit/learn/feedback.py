"""What people said of a server's answers, as labels of the audio that it kept."""

from __future__ import annotations

from pathlib import Path

from genrekit.errors import ConfigError
from genrekit.monitoring import OTHER, kept_audio, read_log


def read_feedback(log: Path) -> dict[str, str]:
    """Return true genres of what a server was sent, by the path of the audio.

    An answer that was said to be right has its own genre; of one that was only said to be wrong
    nothing is known.

    Parameters
    ----------
    log : Path
        What ``genrekit serve --log`` wrote; with ``--keep-audio``, as a log alone has no audio.

    Raises
    ------
    DatasetError
        If it is not a log.
    ConfigError
        If nothing that was said is of audio that is still there.
    """
    answers = [one for one in read_log(log).answers if one.shadow_of is None]
    given = {one.id: one.true_genre or (one.genre if one.is_right else None) for one in answers}
    known = {id_: genre for id_, genre in given.items() if genre and genre != OTHER}
    audio = kept_audio(log)
    found = {str(audio[id_]): genre for id_, genre in known.items() if id_ in audio}
    if not found:
        raise ConfigError(
            f"{log} names the genre of {len(known)} answers, and the audio of none of them was "
            "kept; start the server with --log and --keep-audio"
        )
    return found
