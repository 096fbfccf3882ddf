"""The web page: files that are served as they are."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from genrekit.files import shipped


class Page(StaticFiles):
    """The page at ``/``; a browser asks each time whether it has changed."""

    def __init__(self) -> None:
        super().__init__(directory=shipped("genrekit.serving", "static"), html=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a socket that no route wanted is refused."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file of the page.

        Raises
        ------
        HTTPException
            404 if there is none, whatever the method is.
        """
        if scope["method"] not in ("GET", "HEAD") and not self.lookup_path(path)[1]:
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response
