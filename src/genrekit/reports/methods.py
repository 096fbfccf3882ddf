"""A paragraph on how the numbers came about, as papers have it, with what it cites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genrekit import __version__
from genrekit.evaluation import TOP
from genrekit.pages import Details, Listing, Section, counted
from genrekit.reports.groups import PROTOCOL_NOTES, Group
from genrekit.reports.inputs import Inputs
from genrekit.reports.references import CORPORA, REFERENCES
from genrekit.schema import Estimate, EvaluationResult, FrontendConfig, Manifest

_FITTED = {"train": "the training part", "train+valid": "the training and validation parts"}


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence without its full stop, and the keys of what it cites."""

    text: str
    cites: tuple[str, ...] = ()


def methods_of(groups: Sequence[Group], inputs: Inputs) -> tuple[Statement, ...]:
    """Say how the first set of tests was made; empty where there is none."""
    if not groups:
        return ()
    return (
        *_data(groups[0]),
        *_models(groups[0], inputs),
        *_metrics(groups[0]),
        *_tests(groups[0]),
        Statement(f"All of it was computed by genrekit {__version__}"),
    )


def methods_section(statements: Sequence[Statement]) -> Section:
    """Return the paragraph, and the references folded away under it."""
    joined_text = " ".join(f"{one.text}{_bracketed(one.cites)}." for one in statements)
    references = [Listing("", bibtex(statements))] if cited(statements) else []
    return Section("Methods, to be quoted", joined_text, [Details("BibTeX", parts=references)])


def cited(statements: Sequence[Statement]) -> list[str]:
    """Keys in the order of the alphabet, each once."""
    return sorted({key for one in statements for key in one.cites})


def bibtex(statements: Sequence[Statement]) -> str:
    """Return the entries of all that is cited."""
    return "\n\n".join(REFERENCES[key] for key in cited(statements)) + "\n"


def _bracketed(cites: Sequence[str]) -> str:
    return f" [{', '.join(cites)}]" if cites else ""


# --- what was done ------------------------------------------------------------------------------


def _data(group: Group) -> Iterator[Statement]:
    one = group.best.run.result
    folds = len(one.fold_accuracies)
    how = f" in {folds} folds" if folds > 1 else ""
    yield Statement(
        f"We tested {counted(len(group.entries), 'model')} on {counted(one.items, one.unit)} of "
        f"{one.dataset} ({len(one.labels)} genres; fingerprint {one.dataset_fingerprint[:12]}) "
        f"under the protocol {one.protocol}{how} (split {one.split_fingerprint[:12]})",
        _corpus(one),
    )
    if note := PROTOCOL_NOTES.get(one.protocol):
        cites = ("kereliuk2015",) if one.protocol == "fault-filtered" else ()
        yield Statement(f"That is {note}", cites)
    if one.fitted_on:
        yield Statement(f"Models were fitted on {_FITTED[one.fitted_on]}")
    if one.leaky:
        yield Statement(
            "This protocol is leaky: what belongs to one recording is trained on and tested, and "
            "the numbers must not be taken for those of new music"
        )
    for step in one.steps:
        yield Statement(f"Declared by its maker: {step.what} on {step.on}")


def _corpus(one: EvaluationResult) -> tuple[str, ...]:
    """Citations of the corpus, as far as names tell it."""
    if one.protocol == "fault-filtered":
        return CORPORA["gtzan"]
    name = one.dataset.casefold()
    return next((cites for word, cites in CORPORA.items() if word in name), ())


def _models(group: Group, inputs: Inputs) -> Iterator[Statement]:
    names = ", ".join(entry.name for entry in group.entries)
    yield Statement(
        f"The models are {names}" if len(group.entries) > 1 else f"The model is {names}"
    )
    tested = {entry.run.result.model for entry in group.entries}
    for _, manifest in inputs.bundles:
        if manifest.name in tested:
            yield Statement(_model(manifest))


def _model(one: Manifest) -> str:
    inputs = " and ".join(map(_frontend, one.frontends.values()))
    made = one.provenance
    return (
        f"{one.name} {one.version} is of the architecture {one.architecture} on {inputs}, with "
        f"windows of {one.windows.window_seconds:g} s, fitted on {counted(made.tracks, 'track')} "
        f"of {made.dataset} (protocol {made.protocol})"
    )


def _frontend(config: FrontendConfig) -> str:
    if config.kind == "mel":
        return (
            f"log-mel spectrograms of {config.n_mels} bands ({config.sample_rate_hz} Hz, Fourier "
            f"transforms of {config.fft_samples} samples, hop {config.hop_samples})"
        )
    if config.kind == "columns":
        return f"{len(config.names)} columns of a table"
    return f"the front-end {config.kind} at {config.sample_rate_hz} Hz"


_INTERVALS = {
    "wilson": ("Wilson's score intervals", ("wilson1927",)),
    "bootstrap-by-track": (
        "a bootstrap over recordings, turned into score intervals of as many independent items and "
        "never empty",
        ("agresti1998", "korn1998"),
    ),
    "hall-t-by-track": ("Hall's transformed t intervals over recordings", ("hall1992",)),
    "corrected-t-over-folds": (
        "t intervals over folds, corrected for shared training data",
        ("nadeau2003",),
    ),
}


def _metrics(group: Group) -> Iterator[Statement]:
    one, metrics = group.best.run.result, group.best.run.metrics
    named: dict[str, Estimate | None] = {"accuracy": one.accuracy, "macro F1": one.macro_f1}
    if metrics is not None:
        named |= {f"top-{TOP} accuracy": metrics.top3, "log loss": metrics.log_loss}
    if one.multi_label is not None:
        named["mean average precision"] = one.multi_label.mean_average_precision
    named["mean accuracy of folds"] = one.accuracy_over_folds
    by_method: dict[str, list[str]] = {}
    for name, estimate in named.items():
        if estimate is not None:
            by_method.setdefault(estimate.method, []).append(name)
    for method, names in by_method.items():
        how, cites = _INTERVALS.get(method, (f"intervals called {method}", ()))
        yield Statement(f"Intervals of 95 % of {_listed(names)} are {how}", cites)
    if one.calibration_error is not None:
        yield Statement(
            "Calibration error is the distance of confidence from accuracy over bins of "
            "confidence, without what chance adds to it"
        )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _tests(group: Group) -> Iterator[Statement]:
    found = group.comparison
    if found is None:
        return
    adjusted = f"adjusted by Holm for {counted(len(found.pairs), 'pair')}, at a level of 5 %"
    if found.test == "mcnemar-mid-p":
        yield Statement(
            f"Pairs of models were compared by McNemar's mid-p test, {adjusted}",
            ("fagerland2013", "holm1979"),
        )
    else:
        yield Statement(
            "Recordings count several times, so pairs of models were compared by flipping the "
            f"signs of their differences by recording, {adjusted}",
            ("holm1979",),
        )
    if any(pair.corrected_t is not None for pair in found.pairs):
        yield Statement(
            "T-tests over folds are corrected for the training data that folds share",
            ("nadeau2003",),
        )
    if found.friedman is not None:
        yield Statement(
            "Mean ranks over folds were compared by Friedman's test with Iman's and Davenport's "
            "correction, and by Nemenyi's critical difference",
            ("demsar2006",),
        )
