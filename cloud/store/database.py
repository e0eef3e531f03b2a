"""One database: opened, brought to this version, its transactions, its errors."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from agent.domain.errors import BadSetup, Transient
from cloud.ports import Clock
from cloud.store.alone import alone
from cloud.store.migrations import migrate

_HINT: Final = "for example sqlite:///fleet.db or postgresql+psycopg://fleet@db/fleet"
_WRITING: Final = "emberwatt_writing"
_ONE_WRITER: Final = 0x656D626572  # any number that no other program of the same database takes


class Database:
    """Opened with `with`. `url` is SQLAlchemy's, e.g. `sqlite:////var/lib/emberwatt/fleet.db`.

    `busy_s` is how many seconds to wait for another program that is writing into the same database. Others may read and
    write beside a program that is `alone` with it, but no second one can be that.
    """

    def __init__(self, url: str, clock: Clock, *, busy_s: float = 10.0, alone: bool = False) -> None:
        self._url = url
        self._alone = alone
        self._held = ExitStack()
        self._busy_s = busy_s
        self._clock = clock
        self._engine: Engine | None = None
        self._writing = Lock()

    @property
    def where(self) -> str:
        """What error texts call it: the file, or the address without its password."""
        try:
            url = make_url(self._url)
        except ArgumentError:
            return "database"
        return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)

    def __enter__(self) -> "Database":
        """Raises `BadSetup` for an unusable address, a database of a newer version, or one that another is alone with.

        Raises `Transient` when it is away.
        """
        self._engine = self._create()
        try:
            if self._alone:
                with self._errors() as engine:
                    self._held.enter_context(alone(engine, self.where))
            with self.write() as connection:
                migrate(connection, self.where, self._clock.now_ms())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._held.close()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view. Raises `Transient` when the database cannot be reached."""
        with self._errors() as engine, engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, one writer at a time; committed when the block ends well. Raises `Transient`."""
        with self._errors() as engine, self._writing, engine.connect() as plain:
            connection = plain.execution_options(**{_WRITING: True})
            with connection.begin():
                yield connection

    @contextmanager
    def _errors(self) -> Iterator[Engine]:
        if self._engine is None:
            raise RuntimeError("the database is not open")
        try:
            yield self._engine
        except PoolTimeout as error:
            raise Transient(f"{self.where}: too many at once ({error})") from error
        except (OperationalError, InterfaceError) as error:
            raise Transient(f"{self.where}: {error.orig}") from error
        except DatabaseError as error:
            if type(error) is not DatabaseError:
                raise
            raise BadSetup(self.where, f"not a usable database ({error.orig})") from error

    def _create(self) -> Engine:
        try:
            url = make_url(self._url)
            if url.get_backend_name() == "sqlite":
                return _sqlite(url.database, self._busy_s)
            if url.get_backend_name() == "postgresql":
                return _server(url, self._busy_s)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            shown = self._url if isinstance(error, ArgumentError) else self.where
            raise BadSetup("database", f"{shown!r} is not an address that can be used ({error})", hint=_HINT) from error
        raise BadSetup("database", f"{self.where!r}: expected an SQLite file or a PostgreSQL server", hint=_HINT)


def _sqlite(file: str | None, busy_s: float) -> Engine:
    if not file or file == ":memory:":
        raise BadSetup("database", "an SQLite database needs a file", hint="for example sqlite:///fleet.db")
    if not Path(file).absolute().parent.is_dir():
        raise BadSetup(file, f"folder {Path(file).absolute().parent} does not exist")
    options = {"timeout": busy_s, "check_same_thread": False}
    engine = create_engine(f"sqlite:///{file}", connect_args=options, pool_size=8, max_overflow=56)
    event.listen(engine, "connect", _settle)
    event.listen(engine, "begin", _begin)
    return engine


def _server(url: URL, busy_s: float) -> Engine:
    # A machine that died must not keep what it had locked for hours, as it would by the usual times.
    alive = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
    options = {"options": f"-c lock_timeout={round(busy_s * 1000)} {alive}"}
    engine = create_engine(url, connect_args=options, pool_pre_ping=True, pool_size=8, max_overflow=56)
    event.listen(engine, "begin", _begin_postgres)
    return engine


def _begin_postgres(connection: Connection) -> None:
    """As with SQLite: one writer at a time over all programs, and a reader sees one instant."""
    if connection.get_execution_options().get(_WRITING, False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _settle(connection: Any, _record: object) -> None:
    """The driver's own transaction handling is off, so that ours covers every statement, table definitions included."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32768"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
