from .audio import Waveform as Waveform
from .audio import decode as decode
from .bundles import load_bundle as load_bundle
from .errors import GenreError as GenreError
from .features import build_frontend as build_frontend
from .inference import Classifier as Classifier
from .jukebox import synthesise as synthesise
from .reports import report as report
from .reports import study as study
from .schema import TrackPrediction as TrackPrediction
from .training import train as train
from .training.estimator import GenreEstimator as GenreEstimator

__all__: list[str]
__version__: str
