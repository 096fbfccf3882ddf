"""Checkpoints of TensorFlow: what is written by their definition is read, what is damaged not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from genrekit.models.pretrained import tf_checkpoint
from genrekit.models.pretrained.tf_checkpoint import masked_crc32c, read_variables

DOUBLE = 2


def some() -> dict[str, NDArray[np.float32]]:
    generator = np.random.default_rng(0)
    names = [f"layer_{place}/{part}" for place in range(40) for part in ("bias", "kernel")]
    return {name: generator.normal(size=(2, 3)).astype(np.float32) for name in names}


# --- reading ------------------------------------------------------------------------------------


def test_the_checksum_is_the_known_one() -> None:
    """CRC-32C of the digits is 0xe3069283 (RFC 3720); LevelDB turns it by 15 bits and adds."""
    crc = 0xE3069283
    turned = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    assert masked_crc32c(b"123456789") == (turned + 0xA282EAD8) % 2**32


def test_variables_come_back(tensorflow: Any) -> None:
    variables = some() | {"scalar": np.array(3, np.float32)}
    index, values = tensorflow.checkpoint(variables)
    found = read_variables(index, values, variables)
    assert list(found) == list(variables)
    assert all(np.array_equal(found[name], variables[name]) for name in variables)
    assert found["scalar"].shape == ()


def test_what_is_not_asked_for_is_not_looked_at(tensorflow: Any) -> None:
    variables = some()
    index, values = tensorflow.checkpoint(variables)
    first = sorted(variables)[0]
    found = read_variables(index, values[:24], [first])
    assert np.array_equal(found[first], variables[first])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shards": 2}, "one data file of a little-endian machine"),
        ({"big_endian": 1}, "one data file of a little-endian machine"),
        ({"compression": 1}, r"compressed \(kind 1\)"),
        ({"changes": {"kind": DOUBLE}}, "data type 2 in data file 0; single precision"),
        ({"changes": {"shard": 1}}, "data type 1 in data file 1"),
        ({"changes": {"size": 20}}, r"20 bytes for the shape \(2, 3\)"),
        ({"changes": {"size": 2**62}}, "more values than the 1,920 bytes"),
        ({"changes": {"offset": 2**63}}, "would end at byte"),
        ({"changes": {"offset": 1910}}, "would end at byte 1,934 of 1,920"),
        ({"changes": {"checksum": 5}}, "damaged: their checksum differs"),
    ],
)
def test_what_an_index_says_is_checked(
    tensorflow: Any, wrong: dict[str, int], message: str
) -> None:
    variables = some()
    index, values = tensorflow.checkpoint(variables, **wrong)
    with pytest.raises(ValueError, match=message):
        read_variables(index, values, variables)


def test_a_variable_that_is_not_there_is_named(tensorflow: Any) -> None:
    index, values = tensorflow.checkpoint(some())
    with pytest.raises(ValueError, match=r"lacks the variable dense/bias \(81 entries\)"):
        read_variables(index, values, ["dense/bias"])


def one_block(tensorflow: Any, entries: list[tuple[bytes, bytes]]) -> bytes:
    """An index of one block, each name told by how it differs from the one before."""
    index: bytes = tensorflow.table([tensorflow.block(entries, restart_every=10**6)], [b"z"])
    return index


def test_indices_that_would_grow_are_refused(
    tensorflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tensorflow.table([tensorflow.block([(b"a", b"")])], [b"a", b"b", b"c"])
    with pytest.raises(ValueError, match="blocks of its index overlap"):
        read_variables(again, b"", [])
    growing = [(b"a" * length, b"") for length in range(1, 1100)]
    with pytest.raises(ValueError, match="a name in its index is damaged"):
        read_variables(one_block(tensorflow, growing), b"", [])
    with pytest.raises(ValueError, match="out of order"):
        read_variables(one_block(tensorflow, [(b"b", b""), (b"a", b"")]), b"", [])
    monkeypatch.setattr(tf_checkpoint, "_MOST_NAMES", 100)
    many = [(b"%06d" % place, b"") for place in range(101)]
    with pytest.raises(ValueError, match="more than 100 names"):
        read_variables(one_block(tensorflow, many), b"", [])


@pytest.mark.parametrize("kept", [0, 7, 47, 48, 500])
def test_half_an_index_is_refused(tensorflow: Any, kept: int) -> None:
    index, values = tensorflow.checkpoint(some())
    with pytest.raises(ValueError, match="index"):
        read_variables(index[:kept], values, ["layer_0/bias"])
    with pytest.raises(ValueError, match="index"):
        read_variables(index[:kept] + index[-48:], values, ["layer_0/bias"])


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8))
def test_any_damage_is_an_error_or_nothing(
    tensorflow: Any, changes: list[tuple[float, int]]
) -> None:
    index, values = tensorflow.checkpoint(some())
    damaged = bytearray(index)
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    try:
        found = read_variables(bytes(damaged), values, some())
    except ValueError:
        return
    assert all(np.array_equal(found[name], one) for name, one in some().items())


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_any_description_is_an_error_or_read(tensorflow: Any, description: bytes) -> None:
    index = one_block(tensorflow, [(b"", tensorflow.number(1, 1)), (b"x", description)])
    try:
        found = read_variables(index, bytes(64), ["x"])
    except ValueError:
        return
    assert found["x"].nbytes <= 64
