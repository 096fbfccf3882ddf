"""Senders are assigned by their keys: always the same, in the shares that were asked for."""

from __future__ import annotations

import pytest

from genrekit.errors import ConfigError
from genrekit.monitoring import make_arms

MODELS = ("champion=default@champion", "challenger=box@0.2.0", "third=./other")


def test_models_have_names_and_the_first_answers() -> None:
    arms = make_arms(MODELS, (), ())
    assert arms.models == {
        "champion": "default@champion",
        "challenger": "box@0.2.0",
        "third": "./other",
    }
    assert {arms.choose(str(sender)) for sender in range(100)} == {"champion"}
    assert make_arms(("box", "./a=b"), (), ()).models == {"box": "box", "./a=b": "./a=b"}


def test_shares_are_kept_and_a_sender_stays_where_it_is() -> None:
    arms = make_arms(MODELS, ("champion=80", "challenger=20"), ())
    senders = [f"sender {number}" for number in range(4000)]
    chosen = [arms.choose(sender) for sender in senders]
    assert chosen == [arms.choose(sender) for sender in senders]
    assert chosen.count("champion") / len(chosen) == pytest.approx(0.8, abs=0.03)
    assert chosen.count("third") == 0
    # More for the second takes senders from the first, and moves nobody else.
    wider = make_arms(MODELS, ("champion=60", "challenger=40"), ())
    moved = [(before, wider.choose(sender)) for sender, before in zip(senders, chosen, strict=True)]
    assert ("challenger", "champion") not in moved
    assert moved.count(("champion", "challenger")) / len(moved) == pytest.approx(0.2, abs=0.03)


def test_another_experiment_assigns_anew() -> None:
    shares = ("champion=1", "challenger=1")
    one, two = (make_arms(MODELS, shares, (), word) for word in ("spring", "autumn"))
    senders = [f"sender {number}" for number in range(2000)]
    same = sum(one.choose(sender) == two.choose(sender) for sender in senders)
    assert same / len(senders) == pytest.approx(0.5, abs=0.05)


def test_the_place_of_a_sender_never_changes() -> None:
    """A later version that hashed otherwise would mix up everything that runs."""
    arms = make_arms(MODELS, ("champion=1", "challenger=1"), (), "spring")
    chosen = [arms.choose(f"key {number}")[:5] for number in range(8)]
    assert chosen == ["champ", "champ", "chall", "champ", "chall", "champ", "chall", "chall"]


def test_shadows_answer_nobody() -> None:
    arms = make_arms(MODELS, ("champion=1", "challenger=1"), ("third",))
    assert arms.shadows == {"third": "./other"}
    assert "third" not in arms.models
    assert {arms.choose(str(sender)) for sender in range(50)} == {"champion", "challenger"}


@pytest.mark.parametrize(
    ("split", "shadow", "said"),
    [
        (("nobody=1",), (), "no model is called 'nobody'"),
        (("champion=0",), (), "not a share"),
        (("champion=nan",), (), "not a share"),
        (("champion",), (), "not a share"),
        (("champion=1", "champion=2"), (), "twice"),
        (("champion=1", "third=1"), ("third",), "is a shadow"),
        ((), ("nobody",), "no model is called 'nobody'"),
        ((), ("champion", "challenger", "third"), "none answers"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    split: tuple[str, ...], shadow: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        make_arms(MODELS, split, shadow)


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="a name of its own"):
        make_arms(("a=box", "a=other"), (), ())
