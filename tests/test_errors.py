"""Every error keeps its meaning on its way to the user."""

from __future__ import annotations

import pickle

import pytest

from genrekit import errors
from genrekit.errors import AudioContentError, AudioLimitError, GenreError, MissingExtraError


def _subclasses(kind: type[GenreError]) -> set[type[GenreError]]:
    return {kind}.union(*(_subclasses(child) for child in kind.__subclasses__()))


KINDS = sorted(_subclasses(GenreError), key=lambda kind: kind.__name__)


@pytest.mark.parametrize(
    "error",
    [
        AudioLimitError("seconds", 7200, 36000, "analyse an excerpt"),
        AudioContentError("too_short", "a.wav: 3 samples, at least 64 are needed"),
        MissingExtraError("pandas", "train"),
        errors.SkewError("features differ"),
    ],
)
def test_an_error_survives_the_trip_between_processes(error: GenreError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_a_limit_error_names_the_limit_and_both_values() -> None:
    message = str(AudioLimitError("seconds", 7200, 36000, "analyse an excerpt"))
    assert message == "the audio lasts 36000 s, more than the limit of 7200 s; analyse an excerpt"


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_an_exit_code_and_a_status(kind: type[GenreError]) -> None:
    code, status = errors.outcome(kind.__new__(kind))
    assert 1 <= code < 128
    assert 400 <= status < 600


def test_the_most_specific_outcome_wins() -> None:
    assert errors.outcome(errors.AudioFormatError("not audio")).http_status == 415
    assert errors.outcome(errors.SkewError("skew")) == errors.OUTCOMES[errors.BundleError]


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn = {word for word in (errors.__doc__ or "").split() if word.endswith("Error")}
    assert drawn == {kind.__name__ for kind in _subclasses(GenreError)}
