"""``golden.npz``: one clip with the features and logits that training saw for it.

Loading a bundle computes the features of the clip again and runs the model on the stored ones.
Either difference means that this machine would not give the answers the model was measured with.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.bundles.session import LOGITS
from genrekit.bundles.window import window_features, window_samples
from genrekit.errors import BundleError, SkewError
from genrekit.features import Frontend
from genrekit.schema import ColumnsConfig, WindowConfig

#: Features agree if they differ by no more than this much relatively, plus a little absolutely.
#: Another CPU rounds otherwise: without AVX2 and AVX-512 gtzan57 and the descriptors stay
#: within a hundredth of this. A changed framing, filter or resampler moves them by 1e-2 and more.
FEATURE_RELATIVE_TOLERANCE = 1e-3
FEATURE_ABSOLUTE_TOLERANCE = 1e-4
#: Logits of the stored features, which only another runtime or CPU can change.
LOGIT_TOLERANCE = 1e-3
#: Of graphs in eight bits, where the last bit of a feature may move a number by a step.
INT8_LOGIT_TOLERANCE = 0.1

_INT16_SCALE = 32768.0
_FEATURES = "features_"
_MAXIMUM_BYTES = 64 * 2**20
_DTYPES = {"samples": np.dtype("<i2")}
_LABELS = "labels"
# Of each further head: its logits, and whose they are.
_HEAD, _HEAD_LABELS = "head_", "labels_"
# The one header that ``golden_to_bytes`` makes numpy write, of up to three axes. Numpy's reader
# evaluates the header as Python and allocates what it promises, which is too kind to a stranger.
_NPY_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00.."
    rb"{'descr': '(?P<type><(?:[a-z]\d|U\d{1,4}))', 'fortran_order': False, "
    rb"'shape': \((?P<shape>\d{1,9},|\d{1,9}(?:, \d{1,9}){1,2})\), } *\n",
    re.DOTALL,
)

#: Features, windows on axis 0, to the logits of every head; the labels' are under ``logits``.
Run = Callable[[Mapping[str, NDArray[np.float32]]], Mapping[str, NDArray[np.float32]]]


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """The golden clip: at most one window of audio and what came of it.

    Attributes
    ----------
    samples : (n,) int16
        Mono audio at the bundle's rate.
    features : dict of str to float32 array
        By front-end name, without a window axis.
    logits : (n_labels,) float32
    labels : tuple of str
        Whose logit each is; empty in bundles from before they were kept.
    heads : dict of str to (n_labels of the head,) float32
        Logits of further heads; empty in bundles that have none.
    head_labels : dict of str to tuple of str
        Whose logit each is, by head.
    """

    samples: NDArray[np.int16]
    features: dict[str, NDArray[np.float32]]
    logits: NDArray[np.float32]
    labels: tuple[str, ...] = ()
    heads: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    head_labels: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def audio(self) -> NDArray[np.float32]:
        """The clip as float32 in [-1, 1)."""
        return self.samples.astype(np.float32) / np.float32(_INT16_SCALE)


def make_golden(
    audio: NDArray[np.float32],
    frontends: Mapping[str, Frontend],
    windows: WindowConfig,
    run: Run,
    labels: tuple[str, ...],
    head_labels: Mapping[str, tuple[str, ...]] | None = None,
) -> Golden:
    """Quantise ``audio`` (n,) to 16 bits, cut it to one window, and score what is left.

    ``labels`` are those of the logits that ``run`` gives, in order; ``head_labels`` those of
    further heads, by name.
    """
    rate = next(iter(frontends.values())).config.sample_rate_hz
    length, _ = window_samples(windows, rate)
    scaled = np.clip(np.rint(audio[:length] * _INT16_SCALE), -_INT16_SCALE, _INT16_SCALE - 1)
    samples = scaled.astype(np.int16)
    quantised = samples.astype(np.float32) / np.float32(_INT16_SCALE)
    features = _features(quantised, frontends, windows)
    found = run({name: array[np.newaxis] for name, array in features.items()})
    heads = dict(head_labels or {})
    return Golden(
        samples,
        features,
        found[LOGITS][0],
        labels,
        {name: found[name][0] for name in heads},
        heads,
    )


def check_labels(
    golden: Golden,
    labels: tuple[str, ...],
    measured: Iterable[tuple[str, ...]],
    head_labels: Mapping[str, tuple[str, ...]] | None = None,
) -> None:
    """Refuse labels that are not those the logits belong to, in order.

    Parameters
    ----------
    labels : tuple of str
        What the manifest says.
    measured : iterable of tuple of str
        What results of the model say; asked only where the golden clip does not know.
    head_labels : mapping of str to tuple of str, optional
        What the manifest says of further heads.

    Raises
    ------
    SkewError
    """
    known = [golden.labels] if golden.labels else [one for one in measured if {*one} == {*labels}]
    for expected in known:
        _check_order(expected, labels, "the labels")
    for name, expected in golden.head_labels.items():
        _check_order(expected, (head_labels or {}).get(name, ()), f"the labels of head {name!r}")


def _check_order(expected: tuple[str, ...], labels: tuple[str, ...], whose: str) -> None:
    if expected == labels:
        return
    pairs = zip(expected, labels, strict=False)
    worst = next((f"{was!r} is {now!r}" for was, now in pairs if was != now), "")
    raise SkewError(
        f"{whose} in manifest.json are not in the order that the model was saved with: "
        f"{worst or 'their number differs'}; the bundle was changed: copy or download it again"
    )


def check_golden(
    golden: Golden,
    frontends: Mapping[str, Frontend],
    windows: WindowConfig,
    run: Run,
    *,
    logit_tolerance: float = LOGIT_TOLERANCE,
) -> None:
    """Compute the golden clip again and compare.

    Parameters
    ----------
    logit_tolerance : float
        Share of the largest logit by which one may differ.

    Raises
    ------
    SkewError
        If features or logits differ; the message names the worst place.
    """
    features = _features(golden.audio, frontends, windows)
    for name, expected in golden.features.items():
        _compare_features(frontends[name], name, features[name], expected)
    stacked = {name: array[np.newaxis] for name, array in golden.features.items()}
    found = run(stacked)
    for name, logits in {LOGITS: golden.logits, **golden.heads}.items():
        difference = float(np.abs(found[name][0] - logits).max())
        if not difference <= logit_tolerance * (1 + float(np.abs(logits).max())):
            whose = "a logit" if name == LOGITS else f"a logit of head {name!r}"
            raise SkewError(
                f"the model scores its golden clip differently: {whose} is off by "
                f"{difference:.3g}; model.onnx or the installed onnxruntime is not the one it was "
                "saved with"
            )


def _features(
    audio: NDArray[np.float32], frontends: Mapping[str, Frontend], windows: WindowConfig
) -> dict[str, NDArray[np.float32]]:
    """Of the clip; a row of zeros for columns that nobody can compute from audio."""
    foreign = {
        name: np.zeros(_shape_of_row(frontend.config), np.float32)
        for name, frontend in frontends.items()
        if isinstance(frontend.config, ColumnsConfig)
    }
    computed = {name: frontend for name, frontend in frontends.items() if name not in foreign}
    return foreign | (window_features(audio, computed, windows) if computed else {})


def _shape_of_row(config: ColumnsConfig) -> tuple[int, ...]:
    columns = len(config.names)
    return (columns,) if config.steps == 1 else (columns, config.steps)


def _compare_features(
    frontend: Frontend,
    name: str,
    seen: NDArray[np.float32],
    expected: NDArray[np.float32],
) -> None:
    if seen.shape != expected.shape:
        raise SkewError(
            f"front-end {name!r} gives shape {seen.shape} for the golden clip, the model was "
            f"trained with {expected.shape}; install the genrekit version it was made with"
        )
    allowed = FEATURE_ABSOLUTE_TOLERANCE + FEATURE_RELATIVE_TOLERANCE * np.abs(expected)
    excess = np.abs(seen - expected) / allowed
    # NaN must count as a difference, so the test is for what is good.
    good = excess <= 1
    if good.all():
        return
    worst = int(np.argmax(np.where(np.isnan(excess), np.inf, excess)))
    row = worst // (expected.size // len(expected))
    raise SkewError(
        f"front-end {name!r} differs for the golden clip in {int((~good).sum())} of {good.size} "
        f"values, worst in {frontend.feature_names[row]}: {seen.flat[worst]:.6g}, the model was "
        f"trained with {expected.flat[worst]:.6g}; install the genrekit version it was made with"
    )


def golden_to_bytes(golden: Golden) -> bytes:
    """Return the ``.npz`` file; equal clips give equal bytes."""
    buffer = io.BytesIO()
    features = {_FEATURES + name: array for name, array in sorted(golden.features.items())}
    np.savez(
        buffer,
        allow_pickle=False,
        samples=golden.samples.astype("<i2"),
        logits=golden.logits.astype("<f4"),
        **({_LABELS: np.array(golden.labels, "<U")} if golden.labels else {}),
        **{_HEAD + name: array.astype("<f4") for name, array in sorted(golden.heads.items())},
        **{
            _HEAD_LABELS + name: np.array(labels, "<U")
            for name, labels in sorted(golden.head_labels.items())
        },
        **{name: array.astype("<f4", order="C") for name, array in features.items()},
    )
    return buffer.getvalue()


def golden_from_bytes(
    raw: bytes,
    *,
    frontends: tuple[str, ...],
    n_labels: int,
    heads: Mapping[str, int] | None = None,
) -> Golden:
    """Read ``golden.npz`` without trusting a header in it.

    ``heads`` are the further heads that it may hold, and how many labels each has.

    Raises
    ------
    BundleError
        If a member is missing, unknown, pickled, larger than the file could honestly be, or of
        another shape or type than expected.
    """
    wanted = {"samples", "logits", *(_FEATURES + name for name in frontends)}
    heads = heads or {}
    pairs = [{_HEAD + name, _HEAD_LABELS + name} for name in heads]
    members = _members(raw, wanted, [{_LABELS}, *pairs])
    labels = _labels(members.pop(_LABELS, None), n_labels)
    head_labels = {
        name: _labels(members.pop(_HEAD_LABELS + name), size)
        for name, size in heads.items()
        if _HEAD_LABELS + name in members
    }
    arrays = {name: _array(name, content) for name, content in members.items()}
    golden = Golden(
        samples=arrays["samples"].astype(np.int16),
        features={name: arrays[_FEATURES + name] for name in frontends},
        logits=arrays["logits"],
        labels=labels,
        heads={name: arrays[_HEAD + name] for name in head_labels},
        head_labels=head_labels,
    )
    if golden.logits.shape != (n_labels,) or golden.samples.ndim != 1 or not golden.samples.size:
        raise BundleError(
            f"golden.npz has samples {golden.samples.shape} and logits {golden.logits.shape}, "
            f"expected (n,) and ({n_labels},)"
        )
    for name, logits in golden.heads.items():
        if logits.shape != (heads[name],):
            raise BundleError(
                f"golden.npz has logits {logits.shape} of head {name!r}, expected ({heads[name]},)"
            )
    if any(array.ndim not in (1, 2, 3) or not array.size for array in golden.features.values()):
        raise BundleError("golden.npz holds features that are not a vector, a matrix or a stack")
    numbers = (golden.logits, *golden.heads.values(), *golden.features.values())
    if not all(np.isfinite(array).all() for array in numbers):
        raise BundleError("golden.npz holds numbers that are not finite")
    return golden


def _members(raw: bytes, wanted: set[str], optional: list[set[str]]) -> dict[str, bytes]:
    """Return the members of the archive, inflated no further than their sum is allowed to be.

    Each set of ``optional`` is there as a whole or not at all.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            names = sorted(entry.filename for entry in entries)
            found = {name.removesuffix(".npy") for name in names if name.endswith(".npy")}
            asked = wanted.union(*(some for some in optional if some & found))
            if len(found) != len(names) or found != asked:
                raise BundleError(
                    f"golden.npz holds {names[:10]}, expected {sorted(wanted)} as .npy members"
                )
            total = sum(entry.file_size for entry in entries)
            if total > _MAXIMUM_BYTES:
                raise BundleError(
                    f"golden.npz inflates to {total} bytes, more than the limit of {_MAXIMUM_BYTES}"
                )
            return {entry.filename[: -len(".npy")]: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, *_ZIP_ERRORS) as error:
        raise BundleError(f"golden.npz is damaged: {error}") from error


# What zipfile and the decompressors behind it raise on damaged input, besides BadZipFile.
_ZIP_ERRORS = (EOFError, OSError, ValueError, NotImplementedError, RuntimeError, KeyError)


def _labels(content: bytes | None, n_labels: int) -> tuple[str, ...]:
    """Whose logit each is; empty where the file does not say."""
    if content is None:
        return ()
    try:
        stored = _array(_LABELS, content)
        rows = stored.view("<u4").reshape(stored.size, -1)
        # Not as numpy's own text, which trusts that every number is a character.
        labels = tuple(row.tobytes().decode("utf-32-le").rstrip("\0") for row in rows)
    except ValueError as error:  # a number that is not a character
        raise BundleError(f"golden.npz: labels are not text: {error}") from None
    if len(labels) != n_labels:
        raise BundleError(f"golden.npz names {len(labels)} labels, expected {n_labels}")
    return labels


def _array(name: str, content: bytes) -> NDArray[Any]:
    """One ``.npy`` member; its header must promise exactly the bytes that follow it."""
    header = _NPY_HEADER.match(content)
    if header is None:
        raise BundleError(f"golden.npz: {name} is not a plain array; the bundle was changed")
    stored = header["type"].decode()
    expected = _DTYPES.get(name, np.dtype("<f4"))
    if name.startswith(_LABELS):  # as wide as the longest of them
        expected = np.dtype(stored if stored.startswith("<U") and stored != "<U0" else "<U1")
    if stored != expected.str:
        raise BundleError(f"golden.npz: {name} is not of type {expected.str}")
    shape = tuple(int(size) for size in header["shape"].split(b",") if size.strip())
    body = content[header.end() :]
    if math.prod(shape) * expected.itemsize != len(body):
        raise BundleError(
            f"golden.npz: {name} claims shape {shape}, but {len(body)} bytes follow its header"
        )
    return np.frombuffer(body, expected).reshape(shape)
