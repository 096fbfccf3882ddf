"""The script that Streamlit runs, again after every click."""

from __future__ import annotations

import sys

from genrekit.explorer.explorer import show

if __name__ == "__main__":
    show(sys.argv[1:])
