"""Reports that people want to read, of everything that was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.reports.studying import study, write_study_report
    from genrekit.reports.write import Report, report

__all__ = ["Report", "report", "study", "write_study_report"]

__getattr__ = resolver(
    __name__,
    {
        "Report": "genrekit.reports.write",
        "report": "genrekit.reports.write",
        "study": "genrekit.reports.studying",
        "write_study_report": "genrekit.reports.studying",
    },
)
