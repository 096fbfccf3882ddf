"""Documents as files, their charts beside them."""

from __future__ import annotations

from pathlib import Path

from genrekit.pages.charts_png import save_chart
from genrekit.pages.document import Document, charts_of, file_name
from genrekit.pages.markdown import render_markdown
from genrekit.pages.page import render_page


def save_document(document: Document, file: Path, figures: str = "png") -> list[Path]:
    """Write HTML, or Markdown with its figures in a folder beside it, as the name of the file says.

    Returns
    -------
    list of Path
        What was written, the document first.

    Raises
    ------
    MissingExtraError
        Without plotly or matplotlib.
    """
    if file.suffix == ".html":
        file.write_text(render_page(document), encoding="utf-8")
        return [file]
    folder = file.with_name(f"{file.stem}-figures")
    folder.mkdir(exist_ok=True)
    pictures = {
        id(chart): save_chart(chart, folder / f"{number:02d}-{file_name(chart.title)}.{figures}")
        for number, chart in enumerate(charts_of(document.sections), start=1)
    }
    places = {chart: f"{folder.name}/{path.name}" for chart, path in pictures.items()}
    file.write_text(render_markdown(document, places), encoding="utf-8")
    return [file, *pictures.values()]


def write_page(document: Document, path: Path, pictures: Path) -> tuple[Path, ...]:
    """Write HTML, and each chart as a PNG into the folder ``pictures``; return what was written.

    Raises
    ------
    MissingExtraError
        Without plotly or matplotlib.
    """
    pictures.mkdir(parents=True, exist_ok=True)
    drawn = [
        save_chart(chart, pictures / f"{file_name(chart.title)}.png")
        for chart in charts_of(document.sections)
    ]
    return (*save_document(document, path), *drawn)
