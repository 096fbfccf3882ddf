"""Models: a configuration for each architecture, and what it builds.

`MODELS` leads from the name of an architecture to its configuration, a frozen contract whose
``architecture`` field is that name. The configuration says everything: `build` turns a classical
one into an unfitted scikit-learn pipeline, `build_network` the one of a network into an untrained
torch module, by the function that `NETWORKS` has under the same name. A configuration from another
package names the function that builds it as its ``builder``; one entry point is all it needs.
"""

from __future__ import annotations

from genrekit.lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__)
