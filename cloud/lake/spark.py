"""The same jobs on Spark: any master, the same files, the same figures.

Pieces of files are dealt out to Spark's workers, which read them and run `Job.partial`; partial results go to one
place by device, where `Job.finish` runs. Workers must see the files (a shared folder, an object store) and need Python
with numpy, scipy, pyarrow and msgspec; this program's code is sent to them.
"""

import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from agent.domain.errors import BadSetup
from cloud.lake.jobs import DEVICE, Job, Piece, Source, in_order, partial_of, pieces_of, steady

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_ROOT = Path(__file__).parents[2]
_CODE = (
    "agent/__init__.py",
    "agent/domain/*.py",
    "cloud/__init__.py",
    "cloud/ports.py",
    "cloud/fleet/*",
    "cloud/lake/*.py",
)
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # A batch of pieces is worked off as a whole: small ones let a worker send on what it has.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "16",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


class SparkEngine:
    """A Spark session. Opened with `with`; a session that runs already is used and left running.

    `master` is Spark's, as `local[2]` or `spark://host:7077`; without it what spark-submit says, else `local[*]`.
    """

    def __init__(self, master: str | None = None) -> None:
        self._master = master
        self._session: SparkSession | None = None
        self._own = False
        self._code: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "SparkEngine":
        """Raises `BadSetup` without PySpark, without Java, or where the master does not answer."""
        try:
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise BadSetup(
                "--engine spark", "PySpark is not installed", hint="pip install 'emberwatt[spark]'"
            ) from error
        if not _has_java():
            raise BadSetup("--engine spark", "no Java found", hint="apt-get install default-jre-headless")
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        self._own = SparkSession.getActiveSession() is None
        try:
            self._session = self._builder(SparkSession).getOrCreate()
        except (PySparkException, OSError) as error:
            raise BadSetup("--engine spark", f"master {self._master}: {error}") from error
        self._session.sparkContext.setLogLevel("ERROR")
        self._send_code(self._session)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._session is not None and self._own:
            self._session.stop()
        self._session = None
        if self._code is not None:
            self._code.cleanup()

    def _builder(self, session: "type[SparkSession]") -> Any:
        builder: Any = session.builder.appName("emberwatt")
        for name, value in _SETTINGS.items():
            builder = builder.config(name, value)
        if self._master is not None:
            builder = builder.master(self._master)
            if self._master.startswith("local"):
                builder = builder.config("spark.driver.host", "127.0.0.1")
                builder = builder.config("spark.driver.bindAddress", "127.0.0.1")
        return builder

    def _send_code(self, session: "SparkSession") -> None:
        self._code = tempfile.TemporaryDirectory(prefix="emberwatt-spark-")
        # A name of its own: a session takes no second file of one name with other contents.
        archive = Path(self._code.name) / f"{Path(self._code.name).name}.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            for pattern in _CODE:
                for path in sorted(_ROOT.glob(pattern)):
                    if path.is_file():
                        packed.write(path, path.relative_to(_ROOT))
        session.sparkContext.addPyFile(str(archive))

    def run(self, job: Job, source: Source) -> pa.Table:
        """The job's results, in order of device: those of `cloud.lake.jobs.run_local` to the last digit."""
        return steady(source, lambda: self._run_once(job, source))

    def _run_once(self, job: Job, source: Source) -> pa.Table:
        from pyspark.errors import PySparkException

        session = self._session
        if session is None:
            raise RuntimeError("the engine is not open")
        try:
            pieces = _pieces(session, source)
            partials = pieces.mapInArrow(_partial(job, source), _spark_schema(job.partial_schema))
            results = partials.repartition(DEVICE).mapInArrow(_finish(job), _spark_schema(job.result_schema))
            found = results.toArrow()
        except PySparkException as error:
            raise BadSetup(source.files[0], f"Spark: {str(error).splitlines()[0]}") from error
        return in_order(found.select(job.result_schema.names).cast(job.result_schema))


def _has_java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java") is not None or (home is not None and (Path(home) / "bin" / "java").exists())


def _pieces(session: "SparkSession", source: Source) -> "DataFrame":
    """One row per piece, dealt out evenly."""
    pieces = [astuple(piece) for piece in pieces_of(source)]
    slices = max(1, min(len(pieces), 4 * session.sparkContext.defaultParallelism))
    return session.sparkContext.parallelize(pieces, slices).toDF("path string, first int, stop int")


def _spark_schema(schema: pa.Schema) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(_plain(schema))


def _plain(schema: pa.Schema) -> pa.Schema:
    """Lists as Spark has them."""
    return pa.schema([(f.name, pa.list_(f.type.value_type) if _is_list(f.type) else f.type) for f in schema])


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_list(kind) or pa.types.is_list(kind))


Batches = Iterator[pa.RecordBatch]


def _partial(job: Job, source: Source) -> Callable[[Batches], Batches]:
    plain = _plain(job.partial_schema)

    def run(batches: Batches) -> Batches:
        for batch in batches:
            for piece in batch.to_pylist():
                yield from partial_of(job, source, Piece(**piece)).cast(plain).to_batches()

    return run


def _finish(job: Job) -> Callable[[Batches], Batches]:
    inside, outside = job.partial_schema, _plain(job.result_schema)

    def run(batches: Batches) -> Batches:
        partials = pa.Table.from_batches(list(batches), schema=_plain(inside))
        yield from job.finish(partials.cast(inside)).cast(outside).to_batches()

    return run
