"""Opening an address of http or https, and reading what the answer says about the file."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import IO
from urllib.parse import urlsplit

from genrekit import __version__
from genrekit.errors import ConfigError, DatasetError

_PASSING = frozenset({408, 425, 429})
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


class AgainError(Exception):
    """A fault that may pass; ``wait_seconds`` is what the server asked for."""

    def __init__(self, reason: str, wait_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


class BeyondEndError(Exception):
    """The range that was asked for begins at or after the end of the file."""

    def __init__(self, total_bytes: int | None) -> None:
        super().__init__(total_bytes)
        self.total_bytes = total_bytes


def open_url(
    url: str, headers: Mapping[str, str], stall_seconds: float
) -> http.client.HTTPResponse:
    """Send a GET request and follow redirects; the caller closes the answer.

    Raises
    ------
    AgainError
        If trying later may help.
    BeyondEndError
        On status 416.
    DatasetError
        If it will not: the host has no address, its certificate is not good, the file is gone.
    ConfigError
        If the address is none of http or https.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError(f"{url!r} is not an address of http or https")
    request = urllib.request.Request(url, headers=_OURS | dict(headers))
    try:
        response: http.client.HTTPResponse = _opener().open(request, timeout=stall_seconds)
    except urllib.error.HTTPError as problem:
        with problem:
            raise _error_of(url, problem) from problem
    except urllib.error.URLError as problem:
        if isinstance(problem.reason, ssl.SSLCertVerificationError):
            raise DatasetError(
                f"{url}: the server's certificate cannot be trusted: {problem.reason}"
            ) from problem
        if isinstance(problem.reason, socket.gaierror):
            raise DatasetError(_unknown_host(url, problem.reason)) from problem
        raise AgainError(f"it cannot be reached ({problem.reason})") from problem
    except TimeoutError as problem:
        raise AgainError(f"no answer for {stall_seconds:g} s") from problem
    except (OSError, http.client.HTTPException) as problem:
        raise AgainError(f"the connection broke off ({problem!r})") from problem
    return response


def _unknown_host(url: str, reason: socket.gaierror) -> str:
    """Return what cannot be found, which is the proxy if there is one."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        host = f"the proxy {urlsplit(proxy).hostname or proxy}"
    else:
        host = f"the host {parts.hostname}"
    detail = reason.strerror or reason
    return (
        f"{url}: {host} cannot be found ({detail}); is this machine connected? The same command "
        "goes on once it is"
    )


def content_range(headers: Message) -> tuple[int | None, int | None]:
    """First byte of the part that is sent, and size of the whole file, as far as stated."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None:
        return None, None
    start, total = found.groups()
    return int(start) if start else None, int(total) if total != "*" else None


def content_length(headers: Message) -> int | None:
    """Size of the body, if it is stated."""
    text = headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def validator(headers: Message) -> str:
    """Return what ``If-Range`` may hold; a weak ETag does not promise equal bytes."""
    etag: str = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


_OURS = {
    "User-Agent": f"genrekit/{__version__}",
    "Accept": "*/*",
    # Ranges count encoded bytes, so there must be no encoding.
    "Accept-Encoding": "identity",
}


def _error_of(url: str, problem: urllib.error.HTTPError) -> Exception:
    if problem.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        return BeyondEndError(content_range(problem.headers)[1])
    seen = " ".join(f"the server answered {problem.code} {problem.reason}".split())
    if problem.code in _PASSING or problem.code >= http.client.INTERNAL_SERVER_ERROR:
        after = problem.headers.get("Retry-After", "")
        return AgainError(seen, float(after) if after.isdigit() else 0.0)
    return DatasetError(f"{url}: {seen}; has the file moved? See the homepage of the corpus")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow a few redirects, never from https to http, never to another scheme."""

    max_redirections = 5
    max_repeats = 2

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("https", old):
            fp.close()
            raise DatasetError(f"{req.full_url}: a redirect to {newurl} is refused")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that knows http and https only, no files and no ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener
