"""What was measured for the claims page, and how its numbers are shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims_measure import ALL, GROUPED, RANDOM, TESTED, Measured, Reading, Versus
from deep_page import DeepNumbers

from genrekit.pages import optional, p_value, points
from genrekit.reports.comparing import TESTS
from genrekit.schema import Estimate, EvaluationResult
from genrekit.training import ProtocolConfig

#: What the projects report, by what it is measured with here.
VOTE, FOREST, BOOSTING = 0.847, 0.823, 0.816
NETWORK_CLAIMS = {"crnn": 0.854, "cnn": 0.645, "bilstm": 0.595, "bigru": 0.680}
CALLED = {"crnn": "CNN-LSTM", "cnn": "CNN", "bilstm": "LSTM", "bigru": "GRU"}
P_CLAIMED = 0.012
MILLISECONDS = 50

NOT_HERE = "not measured: the data was not at hand"


@dataclass(frozen=True)
class Numbers:
    """What was measured, and the folder of results that other commands wrote."""

    measured: dict[str, Measured]
    folder: Path

    def pairs(self, measure: str) -> tuple[Versus, ...]:
        measured = self.measured.get(measure)
        return () if measured is None else measured.pairs

    def reading(self, measure: str, what: str, protocol: ProtocolConfig) -> Reading | None:
        measured = self.measured.get(measure)
        found = () if measured is None else measured.readings
        return next((one for one in found if (one.what, one.protocol) == (what, protocol)), None)

    def shown(self, measure: str, what: str, protocol: ProtocolConfig) -> str:
        found = self.reading(measure, what, protocol)
        if found is None:
            return NOT_HERE
        if found.recordings == 1:  # all rows are of one that nobody knows
            return f"{found.accuracy.value:.3f}, of unknown recordings: no interval"
        return optional(found.accuracy)

    def best_beside(self, name: str, protocol: ProtocolConfig) -> str:
        """A model on whole tracks, and the best of those beside it with the test of the two."""
        measured = self.measured.get("ensembles")
        if measured is None:
            return NOT_HERE
        found = [one for one in measured.readings if one.protocol == protocol]
        best = max(found, key=lambda one: one.accuracy.value)
        text = f"{self.shown('ensembles', name, protocol)}; {best.what} {optional(best.accuracy)}"
        pair = self.versus(best.what, name, protocol)
        if pair is None:
            return text
        return f"{text}, {gap(pair)} more, p {p(pair.p_holm)} by {TESTS[pair.test]} and Holm"

    def versus(self, first: str, second: str, protocol: ProtocolConfig) -> Versus | None:
        key = (first, second, protocol)
        return next(
            (
                one
                for measured in self.measured.values()
                for one in measured.pairs
                if (one.first, one.second, one.protocol) == key
            ),
            None,
        )

    def gains(self, what: str, protocol: ProtocolConfig) -> str:
        return ", ".join(
            f"{model} {self.gain(f'{model}, {what}', f'{model}, {ALL}', protocol)}"
            for model in ("svm", "logistic")
        )

    def gain(self, first: str, second: str, protocol: ProtocolConfig) -> str:
        found = self.versus(first, second, protocol)
        return NOT_HERE if found is None else f"{points(found.difference)}, p {p(found.p)}"

    def deep(self) -> dict[str, DeepNumbers]:
        text = (self.folder / "deep.json").read_text(encoding="utf-8")
        found = [DeepNumbers.model_validate(one) for one in json.loads(text)]
        return {one.recipe: one for one in found}

    def study(self, name: str) -> dict[str, Any]:
        text = (self.folder / f"{name}.json").read_text(encoding="utf-8")
        study: dict[str, Any] = json.loads(text)
        return study

    def course(self, model: str) -> str:
        return cell(self.study("course_10s"), model, "fault-filtered")


HEADINGS = ("5 random folds LEAKY", "5 folds by recording", "fault-filtered")


def heading(protocol: ProtocolConfig) -> str:
    return HEADINGS[(RANDOM, GROUPED, TESTED).index(protocol)]


def cell(study: dict[str, Any], model: str, protocol: str, *, by_rows: bool = False) -> str:
    """Accuracy of a cell; of the fault-filtered ones that fitted on train and validation."""
    found = [
        EvaluationResult.model_validate(cell["by_rows"] if by_rows else cell["result"])
        for cell in study["cells"]
        if cell["result"]["model"] == model
        and cell["result"]["protocol"] == protocol
        and (protocol != TESTED.name or cell["protocol"]["fit_on"] == TESTED.fit_on)
    ]
    return optional(found[0].accuracy) if found else NOT_HERE


def side(published: float, measured: Estimate) -> str:
    if published > measured.high:
        return "above it"
    return "below it" if published < measured.low else "inside it"


def gap(found: Versus) -> str:
    return f"{points(found.difference)} points"


def p(value: float | None) -> str:
    return "" if value is None else p_value(value)


def tested(found: Versus) -> str:
    """The test that decides, with what it gives."""
    return f"p {p(found.p)} by {TESTS[found.test]}"
