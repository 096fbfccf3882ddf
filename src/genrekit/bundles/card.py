"""``CARD.md``: the manifest and the metrics of a bundle for people to read. Never hand-written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from genrekit.markdown import blocks, bullets, markdown_table, marked_table, plain, section
from genrekit.schema import (
    TAGS,
    WIDE,
    BundleMetrics,
    Estimate,
    EvaluationResult,
    Head,
    Int8Numbers,
    Manifest,
    MultiLabelNumbers,
    Reference,
    Spread,
)

_CONFUSION_LABELS = 30


def render_card(manifest: Manifest, metrics: BundleMetrics) -> str:
    """Return the card as Markdown; equal inputs give equal text.

    Parameters
    ----------
    manifest : Manifest
        Its ``files`` are not used, so the card can be one of them.
    metrics : BundleMetrics
        The first result is the headline.
    """
    if not metrics.results:
        return _embedding_card(manifest, metrics)
    headline = metrics.results[0]
    return blocks(
        f"# {manifest.name} {manifest.version}",
        manifest.description,
        _headline(headline),
        section("All protocols", _protocols(metrics.results)),
        section("Several genres a track", _multi_label(headline) if headline.multi_label else ""),
        section("Per genre", _per_genre(headline)),
        section("Confusion", _confusion(headline) if headline.confusion else ""),
        section("Calibration", _calibration(manifest, headline)),
        section("Under distortion", _distorted(metrics.distorted) if metrics.distorted else ""),
        section("Reference", _reference(metrics.reference) if metrics.reference else ""),
        *_heads(manifest.heads),
        section("Training data", _training(manifest)),
        section("Input", _input(manifest)),
        section("Eight bits", _int8(metrics.int8) if metrics.int8 else ""),
        section("Intended use and limits", _limits(manifest)),
        section("Licence", _licences(manifest)),
        section("Made with", bullets(f"{k} {v}" for k, v in sorted(manifest.versions.items()))),
    )


def _embedding_card(manifest: Manifest, metrics: BundleMetrics) -> str:
    """Of a bundle that gives an embedding and no genres."""
    return blocks(
        f"# {manifest.name} {manifest.version}",
        manifest.description,
        f"It gives an embedding of {len(manifest.labels)} columns and no genres: a head is trained "
        "on it as on any backbone.",
        section("Agreement with the teacher", _agreement(metrics) if metrics.agreement else ""),
        section("Training data", _training(manifest)),
        section("Licence", _licences(manifest)),
        section("Made with", bullets(f"{k} {v}" for k, v in sorted(manifest.versions.items()))),
    )


def _licences(manifest: Manifest) -> str:
    return f"Weights: {manifest.licence}. Data: {manifest.provenance.data_licence}."


def _agreement(metrics: BundleMetrics) -> str:
    rows = [
        (
            one.music,
            str(one.files),
            str(one.windows),
            f"{one.r2_windows:.3f}",
            f"{one.r2_files:.3f}",
        )
        for one in metrics.agreement
    ]
    return (
        "Share of the variance of the teacher's embedding that is explained (R², the mean over "
        "columns), on music it was not trained on.\n\n"
        + markdown_table(("music", "files", "windows", "R² per window", "R² per file"), rows)
    )


def _headline(result: EvaluationResult) -> str:
    several = result.multi_label
    ranking = (
        f"mean average precision {_interval(several.mean_average_precision)}, " if several else ""
    )
    return (
        f"**{_accuracy(result)} {_interval(result.accuracy)}, {ranking}"
        f"macro F1 {_interval(result.macro_f1)}** "
        f"on {result.items} {result.unit}s of {result.dataset}, protocol `{result.protocol}`"
        f"{_leaky(result)}.\n\n"
        f"Split `{result.split_fingerprint[:16]}`, dataset `{result.dataset_fingerprint[:16]}`, "
        f"{_scored(result)}."
    )


def _int8(numbers: Int8Numbers) -> str:
    form = "The graph computes in eight bits" if numbers.used else "The graph computes in floats"
    return (
        f"{form}: {numbers.why}. In eight bits instead of floats, {numbers.agreement:.1%} of "
        f"{numbers.rows_compared} training rows get the same genre; one row takes "
        f"{numbers.int8_ms:.2f} ms instead of {numbers.float_ms:.2f} ms on one thread, and the "
        f"file {numbers.int8_bytes / 1000:.0f} kB instead of {numbers.float_bytes / 1000:.0f} kB."
    )


def _protocols(results: Sequence[EvaluationResult]) -> str:
    rows = [
        (
            *map(plain, (f"{_protocol(result)}{_leaky(result)}", result.dataset)),
            f"{result.items} {result.unit}s",
            _interval(result.accuracy),
            _interval(result.macro_f1),
            _scored(result),
            f"`{result.split_fingerprint[:16]}`",
        )
        for result in results
    ]
    header = ("protocol", "data", "scored on", "accuracy", "macro F1", "what was scored", "split")
    table = "\n\n".join([marked_table(header, rows), *_folds(results)])
    if not any(result.leaky for result in results):
        return table
    return (
        f"{table}\n\nLEAKY: something of the test tracks was seen in training. Such a number is "
        "shown only because others publish it; it does not say how good the model is."
    )


def _defined(*values: float | None) -> Iterator[str]:
    """Numbers that are defined, and nothing for the others."""
    for value in values:
        yield "" if value is None else f"{value:.3f}"


def _folds(results: Sequence[EvaluationResult]) -> Iterator[str]:
    for result in results:
        if result.over_folds is not None:
            mean, spread = result.over_folds
            found = result.accuracy_over_folds
            interval = (
                "" if found is None else f" [{found.low:.3f}, {found.high:.3f}] (corrected t)"
            )
            yield (
                f"{_accuracy(result)} over the {len(result.fold_accuracies)} folds of "
                f"{_protocol(result)}: mean {mean:.3f}{interval}, standard deviation {spread:.3f}, "
                f"from {min(result.fold_accuracies):.3f} to {max(result.fold_accuracies):.3f}."
            )


def _accuracy(result: EvaluationResult) -> str:
    return "Accuracy" if result.multi_label is None else "Subset accuracy"


def _scored(result: EvaluationResult) -> str:
    return "a model per fold" if result.bundle_sha256 is None else "the saved bundle"


def _multi_label(result: EvaluationResult) -> str:
    """Return what only multi-label models have; the caller asks those alone."""
    numbers = result.multi_label
    assert numbers is not None
    named = [
        ("micro F1", numbers.micro_f1),
        ("mean average precision", numbers.mean_average_precision),
        ("ROC-AUC, mean over genres", numbers.roc_auc),
        ("coverage (genres down the ranking to have all true ones)", numbers.coverage),
        ("ranking loss", numbers.ranking_loss),
        ("label ranking average precision", numbers.ranking_precision),
    ]
    rows = [(name, _interval(estimate)) for name, estimate in named if estimate]
    absent = [row.genre for row in numbers.per_genre if row.average_precision is None]
    lines = [
        markdown_table(("number", "value"), rows),
        f"A track has {numbers.genres_per_track:.2f} genres and is told "
        f"{numbers.chosen_per_track:.2f}. Subset accuracy counts the tracks whose genres are all "
        "told and no others.",
        f"No test track has {', '.join(absent)}; these are in no mean over genres."
        if absent
        else "",
    ]
    return "\n\n".join(line for line in lines if line)


def _per_genre(result: EvaluationResult) -> str:
    if result.multi_label is not None:
        return _per_genre_ranked(result, result.multi_label)
    rows = [
        (row.genre, *_defined(row.precision, row.recall, row.f1), str(row.tracks))
        for row in result.per_genre
    ]
    return markdown_table(("genre", "precision", "recall", "F1", "tracks"), rows)


def _per_genre_ranked(result: EvaluationResult, numbers: MultiLabelNumbers) -> str:
    rows = [
        (
            row.genre,
            *_defined(row.precision, row.recall, row.f1),
            *(
                "" if value is None else f"{value:.3f}"
                for value in (ranked.average_precision, ranked.roc_auc, ranked.threshold)
            ),
            str(row.tracks),
        )
        for row, ranked in zip(result.per_genre, numbers.per_genre, strict=True)
    ]
    names = ("genre", "precision", "recall", "F1", "average precision", "ROC-AUC", "threshold")
    return markdown_table((*names, "tracks"), rows)


def _confusion(result: EvaluationResult) -> str:
    if len(result.labels) > _CONFUSION_LABELS:
        return f"Left out: {len(result.labels)} labels; the counts are in `metrics.json`."
    rows = [
        (label, *(str(count) for count in counts))
        for label, counts in zip(result.labels, result.confusion, strict=False)
    ]
    return "Rows are the true genre, columns the answer.\n\n" + markdown_table(
        ("", *result.labels), rows
    )


def _calibration(manifest: Manifest, result: EvaluationResult) -> str:
    below = f'Below a probability of {manifest.unknown_below:.2f} the answer is "unknown".'
    if manifest.task == "multi-label":
        below = (
            "A genre is told from its threshold on, tuned on tracks that are neither fitted on nor "
            "tested; with none, and whenever the best probability is below "
            f'{manifest.unknown_below:.2f}, the answer is "unknown".'
        )
    lines = [
        f"Expected calibration error {_calibration_error(result)}, "
        f"log loss {result.log_loss:.3f}, temperature {manifest.temperature:.3f}.",
        below,
    ]
    if sets := manifest.prediction_sets:
        lines.append(
            f"The genres of at least {sets.least:.3f} together miss the true one in at most "
            f"{sets.error:g} of recordings, on average; chosen on {sets.groups} recordings that "
            "the model did not learn from."
        )
    return "\n".join(lines)


def _calibration_error(result: EvaluationResult) -> str:
    found = result.calibration_error
    binned = f"{result.expected_calibration_error:.3f}"
    if found is None:
        return f"{binned} (over bins, with what chance adds)"
    return (
        f"{_interval(found)} (over bins {binned}, where a perfect model would show "
        f"{result.calibration_error_by_chance or 0:.3f} by chance)"
    )


def _distorted(accuracies: Mapping[str, Estimate]) -> str:
    clean = next(iter(accuracies.values())).value
    return markdown_table(
        ("condition", "accuracy", "points lost"),
        (
            (condition, _interval(one), f"{100 * (clean - one.value):.1f}")
            for condition, one in accuracies.items()
        ),
    )


def _reference(reference: Reference) -> str:
    shares = ", ".join(
        f"{genre} {share:.1%}"
        for genre, share in sorted(reference.genres.items(), key=lambda one: -one[1])
    )
    lines = [
        f"told of {reference.tracks} test tracks ({reference.protocol}): {shares}",
        f"probability of the best genre: {_bins(reference.confidence)}",
        f"{len(reference.inputs)} numbers of the input are in `metrics.json`"
        if reference.inputs
        else "there is none of the input",
    ]
    return f"Drift is told from this.\n\n{bullets(lines)}"


def _heads(heads: Mapping[str, Head]) -> Iterator[str]:
    """Yield a section that lists further labels, by group; nothing where there are none."""
    if not heads:
        return
    titles = {TAGS: "Tags", WIDE: "Wide genres"}
    yield (
        "## Further labels\n\nScored beside the genres with `--tags`; each by itself, several a "
        "track."
    )
    for name, head in heads.items():
        checked = head.checked or "not said; read them as an order, not as probabilities"
        lines = [f"labels: {len(head.labels)}", f"probabilities checked against: {checked}"]
        groups = head.groups or {"": head.labels}
        lines += [
            f"{group}: {', '.join(labels)}" if group else ", ".join(labels)
            for group, labels in groups.items()
        ]
        yield f"### {titles.get(name, name)}\n\n{bullets(lines)}"


def _bins(spread: Spread) -> str:
    ends = ["", *(f"{edge:.2f}" for edge in spread.edges), ""]
    bins = zip(spread.shares, ends, ends[1:], strict=False)
    return ", ".join(
        f"{share:.0%} {f'from {low} to {high}' if low and high else f'from {low}'}"
        if low
        else f"{share:.0%} below {high}"
        for share, low, high in bins
    )


def _training(manifest: Manifest) -> str:
    source = manifest.provenance
    lines = [
        f"{source.dataset} (`{source.dataset_fingerprint[:16]}`), {source.tracks} tracks, "
        f"protocol `{source.protocol}`",
        f"left out: {source.left_out}" if source.left_out else "",
        f"cleaned: {source.cleaned}" if source.cleaned else "",
        f"licence of the data: {source.data_licence}",
        f"citation: {source.citation}" if source.citation else "",
    ]
    return f"{bullets(lines)}\n\n```yaml\n{source.recipe.strip()}\n```"


def _input(manifest: Manifest) -> str:
    windows, excerpt = manifest.windows, manifest.excerpt
    start = "the middle" if excerpt.start_seconds is None else f"{excerpt.start_seconds:g} s on"
    length = (
        "the whole track"
        if excerpt.duration_seconds is None
        else f"{excerpt.duration_seconds:g} s from {start}"
    )
    return bullets(
        [
            f"labels: {', '.join(manifest.labels)} ({manifest.task})",
            f"tree: {len(manifest.parents)} of them imply another, which is told with them"
            if manifest.parents
            else "",
            f"architecture: {manifest.architecture}",
            f"front-ends: {', '.join(sorted(manifest.frontends))} "
            f"at {manifest.sample_rate_hz} Hz, mono",
            f"analysed: {length}, in windows of {windows.window_seconds:g} s every "
            f"{windows.hop_seconds:g} s (shorter audio: {windows.short}), "
            f"at least {windows.minimum_seconds:g} s; aggregated by {manifest.aggregation}",
        ]
    )


def _limits(manifest: Manifest) -> str:
    return (
        f"Made to sort recorded music into these {len(manifest.labels)} genres, for browsing, "
        "tagging with review, and research. Genre is a convention that people disagree on. The "
        "model knows only its labels: music of any other genre, speech and noise get the nearest "
        'one or "unknown". The numbers above hold for music like the training data\'s, in era, '
        "region and recording quality; expect less elsewhere. It is not made for decisions about "
        "artists, royalties or rights."
    )


def _protocol(result: EvaluationResult) -> str:
    return (
        f"{result.protocol}, fitted on {result.fitted_on}" if result.fitted_on else result.protocol
    )


def _leaky(result: EvaluationResult) -> str:
    return " (LEAKY)" if result.leaky else ""


def _interval(estimate: Estimate) -> str:
    return (
        f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}] "
        f"({estimate.level:.0%}, {estimate.method})"
    )
