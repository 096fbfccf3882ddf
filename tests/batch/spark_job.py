"""A batch on a local Spark: ``spark_job.py RUN MUSIC``; one of the files ends its process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from genrekit.batch import SparkOptions, open_run, spark_through


def measure(path: str) -> Any:
    """The length of a file; one that says so ends its process."""
    word = Path(path).read_text()
    if word == "crash":
        os.abort()
    return {"letters": len(word)}


if __name__ == "__main__":
    from pyspark.sql import SparkSession
    from spark_job import measure as function  # type: ignore[import-not-found]

    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.getOrCreate()
    with open_run(Path(sys.argv[1]), "test", {}) as run:
        paths = [str(one) for one in sorted(Path(sys.argv[2]).iterdir())]
        how = SparkOptions(batch=4, partitions=2)
        for _ in spark_through(run, session, paths, function, how=how):
            pass
    session.stop()
