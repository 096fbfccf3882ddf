"""From what an audit found to a plan that repairs it."""

from __future__ import annotations

from collections.abc import Iterator

from genrekit.audit.finding import AuditReport, Finding, FoundItem
from genrekit.datasets import ColumnAction, DropAction, FixPlan, RelabelAction

#: Nobody needs to listen to know that these are to be left out.
DROPPED_ALL = ("unreadable", "silent", "one-recording-two-labels")
#: These may still be of use: whether they are is for a person to say.
PROPOSED_ALL = ("truncated", "too-short", "non-finite")
#: All but the first, which is the best copy: by length, bandwidth, level and format.
DROPPED_COPIES = ("exact-duplicate", "identical-rows", "near-duplicate")
_COLUMN_KINDS = ("missing-values", "constant-column", "duplicate-column")


def make_plan(report: AuditReport, *, accept_relabels: bool = False) -> FixPlan:
    """Plan how to load a dataset without its faults.

    Files that cannot be used and all copies but one are dropped. A recording under two labels is
    dropped altogether, as nobody knows which label is right. Truncated, damaged and short files
    are proposed to be dropped, and suspicious labels to be changed: a person has to accept that.

    Parameters
    ----------
    accept_relabels : bool
        Accept all changes of labels, unheard.
    """
    drops: dict[str, DropAction] = {}
    for finding in report.findings:
        for item in _dropped(finding):
            accepted = finding.kind not in PROPOSED_ALL
            action = DropAction(item=item.item_id, because=_reason(finding), accepted=accepted)
            if item.item_id not in drops or (accepted and not drops[item.item_id].accepted):
                drops[item.item_id] = action
    relabels = [
        RelabelAction(
            item=item.item_id,
            old=item.labels[0],
            new=finding.proposed,
            because=_reason(finding),
            accepted=accept_relabels,
        )
        for finding in report.findings
        if finding.proposed is not None
        for item in finding.items
        if not (item.item_id in drops and drops[item.item_id].accepted)
    ]
    columns = {
        finding.columns[0]: ColumnAction(column=finding.columns[0], because=_reason(finding))
        for finding in report.findings
        if finding.kind in _COLUMN_KINDS
    }
    return FixPlan(
        dataset=report.name,
        drop=tuple(drops.values()),
        relabel=tuple(relabels),
        drop_columns=tuple(columns.values()),
    )


def _dropped(finding: Finding) -> Iterator[FoundItem]:
    if finding.kind in DROPPED_ALL + PROPOSED_ALL:
        yield from finding.items
    elif finding.kind == "near-duplicate":
        # Segments of the recording that is kept stay together.
        kept = finding.items[0].recording
        yield from (item for item in finding.items if item.recording != kept)
    elif finding.kind in DROPPED_COPIES:
        yield from finding.items[1:]


def _reason(finding: Finding) -> str:
    return f"{finding.kind}: {finding.message}"
