"""The former place of `genrekit.files.home`."""

from __future__ import annotations

from genrekit.files import home as home
