"""The server's page without its server: what needs one is taken out, and the rest is as it was."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

#: Elements with this attribute need a server.
SERVER = "data-server"
#: What an element says where there is none.
OFFLINE = "data-offline"

_VOID = frozenset(("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"))
#: No script but the page's own files, which may compile WebAssembly; nothing from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob:; media-src blob:; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'"
)
_HEAD = f"""  <meta http-equiv="Content-Security-Policy" content="{POLICY}">
  <meta name="referrer" content="no-referrer">
  <meta name="theme-color" content="#14231d">
  <link rel="manifest" href="manifest.json">
  <link rel="apple-touch-icon" href="icon-192.png">
"""
_AFTER = '<meta charset="utf-8">\n'


def offline_page(page: str) -> str:
    """Make the page for a folder of static files.

    Parameters
    ----------
    page : str
        ``index.html`` of the server.
    """
    rewriter = _Rewriter()
    rewriter.feed(page)
    rewriter.close()
    return "".join(rewriter.parts).replace(_AFTER, _AFTER + _HEAD, 1)


class _Rewriter(HTMLParser):
    """Hands everything on as it was written, but for what the attributes ask for."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._open: list[str] = []
        #: How deep the element lies whose contents are left out.
        self._without: int | None = None

    def handle_decl(self, decl: str) -> None:
        """Keep the document type."""
        self._keep(f"<!{decl}>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element that opens, or leave it out, or tell it what to say."""
        names = dict(attrs)
        gone = SERVER in names
        if not gone:
            self._keep(_opening(tag, attrs))
        if tag in _VOID:
            return
        text = names.get(OFFLINE)
        if self._without is None and (gone or text is not None):
            self.parts.append("" if gone else escape(text or "", quote=False))
            self._without = len(self._open)
            self._closes = "" if gone else f"</{tag}>"
        self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element of a drawing, which holds nothing."""
        self._keep(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        self._open.pop()
        if self._without == len(self._open):
            self._without = None
            self.parts.append(self._closes)
        else:
            self._keep(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self._keep(data)

    def handle_entityref(self, name: str) -> None:
        """Keep a letter by its name."""
        self._keep(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Keep a letter by its number."""
        self._keep(f"&#{name};")

    def _keep(self, text: str) -> None:
        if self._without is None:
            self.parts.append(text)


def _opening(tag: str, attrs: list[tuple[str, str | None]]) -> str:
    kept = [(name, value) for name, value in attrs if name != OFFLINE]
    attributes = (name if value is None else f'{name}="{escape(value)}"' for name, value in kept)
    return f"<{' '.join((tag, *attributes))}>"
