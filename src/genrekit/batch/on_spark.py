"""Many files on Spark: it moves paths, its workers hold a supervised child, the journal is here.

As on Ray, what Spark knows of what is done is never asked: an answer that came back is in the
journal of the driver, everything else is done again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.batch.entry import Entry
from genrekit.batch.remote import remote_entries, spelled_path
from genrekit.batch.run import Run
from genrekit.batch.work import ATTEMPTS, FILE_LIMITS, File, Function, OnFile, unfinished
from genrekit.errors import ConfigError
from genrekit.workers import Idle, Pool, WorkerLimits

# In memory at a time, as paths.
_WAVE = 20_000


@dataclass(frozen=True, slots=True)
class SparkOptions:
    """How Spark is used.

    Attributes
    ----------
    batch : int
        Paths that a worker gets at a time.
    partitions : int
        Of each wave of paths; each is the work of one task.
    """

    batch: int = 16
    partitions: int = 64


def spark_through(
    run: Run,
    session: Any,
    paths: Iterable[str | Idle],
    function: Function,
    *,
    how: SparkOptions | None = None,
    prepare: Callable[[], object] | None = None,
    limits: WorkerLimits = FILE_LIMITS,
    retry_failed: bool = False,
) -> Generator[Entry]:
    """Do to each file what has not been done yet, as `work_through` does, by a Spark session.

    Parameters that are not named here are those of `work_through`. Files must be where every worker
    finds them by the same path, and genrekit must be installed there.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    how : SparkOptions, optional

    Raises
    ------
    ConfigError
        Without pyspark.
    """
    how = how or SparkOptions()
    pool = partial(
        Pool, OnFile(function), limits=limits, prepare=prepare, answers="json", attempts=ATTEMPTS
    )
    column = entries_of(pool, run.manifest.work, how.batch)
    todo = unfinished(paths, run, retry_failed, None)
    files = (file.path for file in todo if not isinstance(file, Idle))
    while wave := list(islice(files, _WAVE)):
        rows = [(spelled_path(path),) for path in wave]
        table = session.createDataFrame(rows, "path string")
        parts = min(how.partitions, -(-len(rows) // how.batch))
        answers = table.repartition(parts).select(column("path").alias("entry"))
        for row in answers.toLocalIterator(prefetchPartitions=True):
            entry = Entry.model_validate_json(row["entry"])
            run.journal.append(entry)
            yield entry


def entries_of(pool: Callable[[], Pool[File, Any]], work: str, batch: int) -> Callable[..., Any]:
    """Make a function of a column of paths, as hexadecimal bytes, to entries as JSON.

    Parameters
    ----------
    pool : callable
        Makes the pool of one child that a worker of Spark keeps.
    work : str
        Fingerprint, for the entries.
    batch : int
        Paths at a time.
    """
    try:
        from pyspark.ml.functions import predict_batch_udf
        from pyspark.sql.types import StringType
    except ImportError as error:
        raise ConfigError(
            "Spark needs pyspark, pandas and pyarrow, here and where its workers run: "
            "pip install 'genrekit[spark]'"
        ) from error
    begin = partial(begin_worker, pool, work)
    column: Callable[..., Any] = predict_batch_udf(
        begin, return_type=StringType(), batch_size=batch
    )
    return column


def begin_worker(
    pool: Callable[[], Pool[File, Any]], work: str
) -> Callable[..., NDArray[np.object_]]:
    """Start the child of a worker, and return what works on batches of paths."""
    supervised = pool()

    def answer(paths: NDArray[np.str_]) -> NDArray[np.object_]:
        place = {str(path): number for number, path in enumerate(paths)}
        found = np.empty(len(paths), object)
        for entry in remote_entries(supervised, paths, work):
            found[place[spelled_path(entry.file)]] = entry.model_dump_json()
        return found

    return answer
