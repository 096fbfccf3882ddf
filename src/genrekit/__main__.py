"""``python -m genrekit`` is ``genrekit``."""

from __future__ import annotations

from genrekit.cli import main

if __name__ == "__main__":
    main()
