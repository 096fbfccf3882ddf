"""What a command prints: predictions, problems, progress; results on stdout, all else on stderr."""

from __future__ import annotations

from genrekit.lazy import attach_stub

# Resolved on first use: a command imports no more than it prints with.
__getattr__, __dir__, __all__ = attach_stub(__name__)
