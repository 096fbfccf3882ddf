"""What each extra brings, and which one is missing where a module is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from genrekit.errors import MissingExtraError

#: Extra to what it brings, as distribution and module; tests hold it to what is declared.
EXTRAS: Mapping[str, Mapping[str, str]] = {
    "train": {
        "torch": "torch",
        "onnx": "onnx",
        "safetensors": "safetensors",
        "scikit-learn": "sklearn",
        "skl2onnx": "skl2onnx",
        "xgboost-cpu": "xgboost",
        "optuna": "optuna",
        "sqlalchemy": "sqlalchemy",
        "pandas": "pandas",
        "pyarrow": "pyarrow",
        "h5py": "h5py",
        "pillow": "PIL",
    },
    "tag": {"mutagen": "mutagen"},
    "hub": {"transformers": "transformers"},
    "edge": {"onnx": "onnx"},
    "serve": {
        "fastapi": "fastapi",
        "starlette": "starlette",
        "uvicorn": "uvicorn",
        "h11": "h11",
        "python-multipart": "python_multipart",
        "websockets": "websockets",
        "prometheus-client": "prometheus_client",
        "pydantic-settings": "pydantic_settings",
    },
    "report": {"plotly": "plotly", "matplotlib": "matplotlib"},
    "explorer": {"streamlit": "streamlit", "plotly": "plotly"},
    "tracking": {"mlflow-skinny": "mlflow"},
    "batch": {"pyarrow": "pyarrow", "fsspec": "fsspec"},
    "ray": {"ray": "ray", "fsspec": "fsspec"},
    "spark": {"pyspark": "pyspark", "pandas": "pandas", "pyarrow": "pyarrow"},
    "explain": {"shap": "shap"},
}


@contextmanager
def naming_extra(extra: str = "") -> Iterator[None]:
    """Say which extra to install where an import within finds nothing.

    Parameters
    ----------
    extra : str
        Of several that bring the same; by default the first one.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise missing_extra(error, extra) or error from None


def missing_extra(error: ModuleNotFoundError, extra: str = "") -> MissingExtraError | None:
    """Return what to say for a module that is not there; None if no extra brings it.

    Of several extras that bring it, ``extra`` or else the first one is named, unless somebody said
    which already.
    """
    if isinstance(error, MissingExtraError):
        return error
    missing = (error.name or "").partition(".")[0]
    for known in (extra, *EXTRAS):
        for distribution, module in EXTRAS.get(known, {}).items():
            if module == missing:
                return MissingExtraError(distribution, known)
    return None
