"""Pages: charts, HTML, Markdown and figures, drawn and written one way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.pages.abstention import plot_risk_coverage
    from genrekit.pages.charts import (
        FADED,
        Bars,
        Boxes,
        Chart,
        Curve,
        Curves,
        Dots,
        Heatmap,
        Lines,
        Points,
        Ranks,
        Regions,
        Swarm,
        hertz_ticks,
        unique,
    )
    from genrekit.pages.charts_html import figure
    from genrekit.pages.charts_png import save_chart
    from genrekit.pages.confusion import confusion_chart
    from genrekit.pages.critical_difference import critical_difference_svg, plot_critical_difference
    from genrekit.pages.diagram import Box, diagram_svg, diagram_text
    from genrekit.pages.figures import COLOURS, ON_DARK, draw_estimates, new_figure, save_figure
    from genrekit.pages.leaky import LEAKY, leaky_parts, marked_leaky
    from genrekit.pages.lettering import ADVANCE, LINE, lettered
    from genrekit.pages.markdown import render_markdown
    from genrekit.pages.numbers import (
        calibration,
        calibration_note,
        counted,
        interval,
        optional,
        over_folds,
        p_value,
        percent,
        points,
    )
    from genrekit.pages.page import (
        AudioClip,
        Details,
        Fact,
        Facts,
        Listing,
        Part,
        Row,
        Section,
        Table,
        charts_of,
        file_name,
        render_page,
        write_page,
    )

__all__ = [
    "ADVANCE",
    "COLOURS",
    "FADED",
    "LEAKY",
    "LINE",
    "ON_DARK",
    "AudioClip",
    "Bars",
    "Box",
    "Boxes",
    "Chart",
    "Curve",
    "Curves",
    "Details",
    "Dots",
    "Fact",
    "Facts",
    "Heatmap",
    "Lines",
    "Listing",
    "Part",
    "Points",
    "Ranks",
    "Regions",
    "Row",
    "Section",
    "Swarm",
    "Table",
    "calibration",
    "calibration_note",
    "charts_of",
    "confusion_chart",
    "counted",
    "critical_difference_svg",
    "diagram_svg",
    "diagram_text",
    "draw_estimates",
    "figure",
    "file_name",
    "hertz_ticks",
    "interval",
    "leaky_parts",
    "lettered",
    "marked_leaky",
    "new_figure",
    "optional",
    "over_folds",
    "p_value",
    "percent",
    "plot_critical_difference",
    "plot_risk_coverage",
    "points",
    "render_markdown",
    "render_page",
    "save_chart",
    "save_figure",
    "unique",
    "write_page",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "plot_risk_coverage": "genrekit.pages.abstention",
    "FADED": "genrekit.pages.charts",
    "Bars": "genrekit.pages.charts",
    "Boxes": "genrekit.pages.charts",
    "Chart": "genrekit.pages.charts",
    "Curve": "genrekit.pages.charts",
    "Curves": "genrekit.pages.charts",
    "Dots": "genrekit.pages.charts",
    "Heatmap": "genrekit.pages.charts",
    "Lines": "genrekit.pages.charts",
    "Points": "genrekit.pages.charts",
    "Ranks": "genrekit.pages.charts",
    "Regions": "genrekit.pages.charts",
    "Swarm": "genrekit.pages.charts",
    "hertz_ticks": "genrekit.pages.charts",
    "unique": "genrekit.pages.charts",
    "figure": "genrekit.pages.charts_html",
    "save_chart": "genrekit.pages.charts_png",
    "confusion_chart": "genrekit.pages.confusion",
    "critical_difference_svg": "genrekit.pages.critical_difference",
    "plot_critical_difference": "genrekit.pages.critical_difference",
    "Box": "genrekit.pages.diagram",
    "diagram_svg": "genrekit.pages.diagram",
    "diagram_text": "genrekit.pages.diagram",
    "COLOURS": "genrekit.pages.figures",
    "ON_DARK": "genrekit.pages.figures",
    "draw_estimates": "genrekit.pages.figures",
    "new_figure": "genrekit.pages.figures",
    "save_figure": "genrekit.pages.figures",
    "LEAKY": "genrekit.pages.leaky",
    "leaky_parts": "genrekit.pages.leaky",
    "marked_leaky": "genrekit.pages.leaky",
    "ADVANCE": "genrekit.pages.lettering",
    "LINE": "genrekit.pages.lettering",
    "lettered": "genrekit.pages.lettering",
    "render_markdown": "genrekit.pages.markdown",
    "calibration": "genrekit.pages.numbers",
    "calibration_note": "genrekit.pages.numbers",
    "counted": "genrekit.pages.numbers",
    "interval": "genrekit.pages.numbers",
    "optional": "genrekit.pages.numbers",
    "over_folds": "genrekit.pages.numbers",
    "p_value": "genrekit.pages.numbers",
    "percent": "genrekit.pages.numbers",
    "points": "genrekit.pages.numbers",
    "AudioClip": "genrekit.pages.page",
    "Details": "genrekit.pages.page",
    "Fact": "genrekit.pages.page",
    "Facts": "genrekit.pages.page",
    "Listing": "genrekit.pages.page",
    "Part": "genrekit.pages.page",
    "Row": "genrekit.pages.page",
    "Section": "genrekit.pages.page",
    "Table": "genrekit.pages.page",
    "charts_of": "genrekit.pages.page",
    "file_name": "genrekit.pages.page",
    "render_page": "genrekit.pages.page",
    "write_page": "genrekit.pages.page",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
