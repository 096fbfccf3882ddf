"""The samples themselves: the front-end of networks that were published with one of their own.

Such a network carries its transform to a spectrogram inside its graph, so training and serving
still share every step; here is only what stands before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genrekit.schema import WaveformConfig


class WaveformFrontend:
    """Samples to a picture of one row, in full scale.

    Parameters
    ----------
    config : WaveformConfig
    """

    code_version = 1
    feature_names = ("samples",)

    def __init__(self, config: WaveformConfig) -> None:
        self.config = config

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn samples (n,) into (1, n) float32; nothing is scaled, filled or cut."""
        return np.asarray(samples, np.float32)[np.newaxis]
