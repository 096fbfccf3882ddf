"""What a pipeline did, for people and for programs."""

from __future__ import annotations

from pydantic import Field

from genrekit.experiments.pipeline.gate import GateReport
from genrekit.markdown import blocks, bullets, markdown_table, section
from genrekit.pages import interval
from genrekit.schema import Contract, EvaluationResult


class StageOutcome(Contract):
    """One stage; ``done`` is False where nothing that it reads had changed."""

    stage: str
    done: bool


class PipelineReport(Contract):
    """What came of a run."""

    name: str
    stages: tuple[StageOutcome, ...]
    data: str
    items: int
    tested: int
    findings: dict[str, int] = Field(description="of the audit, by kind")
    model: str
    results: tuple[EvaluationResult, ...] = Field(description="of the saved model of each seed")
    seeds: tuple[int, ...]
    gate: GateReport | None
    outcome: str

    @property
    def passed(self) -> bool:
        """Whether the challenger passed the gate."""
        return self.gate is not None and self.gate.passed


def render_pipeline(report: PipelineReport) -> str:
    """Return the report as Markdown."""
    return blocks(
        f"# {report.name}",
        f"**{report.outcome[:1].upper()}{report.outcome[1:]}.**",
        f"{report.items} items of {report.data}; the saved model is tested on {report.tested}.",
        section("Models", markdown_table(("seed", "accuracy", "macro F1"), _models(report))),
        section("Gate", _gate(report.gate) if report.gate is not None else ""),
        section("Audit", bullets(f"{kind}: {n}" for kind, n in report.findings.items())),
        section(
            "Stages",
            markdown_table(
                ("stage", ""),
                [(one.stage, "done" if one.done else "unchanged") for one in report.stages],
            ),
        ),
    )


def _models(report: PipelineReport) -> list[tuple[str, str, str]]:
    rows = [
        (str(seed), interval(result.accuracy), interval(result.macro_f1))
        for seed, result in zip(report.seeds, report.results, strict=True)
    ]
    rows[0] = (f"{rows[0][0]} ({report.model})", *rows[0][1:])
    return rows


def _gate(gate: GateReport) -> str:
    lines = [f"{gate.challenger} against {gate.champion}."]
    if gate.note:
        lines.append(gate.note)
    if gate.difference is not None:
        lines.append(
            f"Difference on the same tracks {gate.difference.value:+.3f} "
            f"[{gate.difference.low:+.3f}, {gate.difference.high:+.3f}], p = {gate.p:.3g} (signs "
            "flipped by recording)."
        )
    rows = [
        (one.rule, one.seen, one.wanted, "passed" if one.passed else "FAILED")
        for one in gate.verdicts
    ]
    table = markdown_table(("rule", "seen", "wanted", ""), rows) if rows else "No rule applies."
    return " ".join(lines) + f"\n\n{table}"
