"""Public names of a package that are imported when they are first used (PEP 562).

What there is, and where, stands once: in ``__init__.pyi``, where type checkers read it too. The
package lazy-loader does the same, but reads no stub of a package that is run from a zip archive.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from pkgutil import get_data
from typing import Any


def attach_stub(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Where a name wants a module of an extra that is not installed, a MissingExtraError says which
    extra.

    Parameters
    ----------
    package : str
        Its ``__name__``; beside it lies a stub of lines ``from .module import name as name``.
    """
    stub = ast.parse(get_data(package, "__init__.pyi") or b"")
    homes = {
        alias.name: f"{package}.{one.module}"
        for one in stub.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    }
    offered = list(homes)

    def resolve(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from genrekit.extras import naming_extra

        with naming_extra():
            return getattr(import_module(home), name)

    return resolve, lambda: sorted(offered), offered
