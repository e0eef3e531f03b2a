"""One TOML file → the aggregator's settings."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from agent.domain.errors import BadSetup
from agent.domain.misfit import misfit
from cloud.access.settings import AccessTable
from cloud.devices.settings import DevicesTable
from cloud.identity.settings import IdentityTable
from cloud.jobs.standard import JobsTable

_SQLITE: Final = "sqlite:///"
_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_AnyPort = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class DatabaseTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`url` as SQLAlchemy writes it; a relative SQLite path is relative to the file."""

    url: str = "sqlite:///fleet.db"


class BrokerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the broker listens; an empty `host` is for a fleet that comes over HTTPS alone.

    A certificate and its key may be in one file, `certfile`.
    """

    host: str = "127.0.0.1"
    port: _Port = 1883
    username: str | None = None
    password: str | None = None
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None


class HttpTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the pages and the API are served: loopback unless told otherwise. Port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: _AnyPort = 8080


class ClockTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A simulated clock: it shows `origin_ms` when the wall clock shows `started_ms`, and runs `rate` times as fast."""

    origin_ms: int
    started_ms: int
    rate: float


class CloudSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    database: DatabaseTable = DatabaseTable()
    broker: BrokerTable = BrokerTable()
    http: HttpTable = HttpTable()
    access: AccessTable | None = None
    jobs: JobsTable = JobsTable()
    identity: IdentityTable = IdentityTable()
    devices: DevicesTable | None = None
    clock: ClockTable | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and the file they came from."""

    settings: CloudSettings
    path: Path | None

    def file(self, name: str | None) -> Path | None:
        """The path of a file that the settings name: relative to the file they came from."""
        return None if name is None else (self.path.parent if self.path else Path()) / name

    @property
    def database_url(self) -> str:
        url, prefix = self.settings.database.url, _SQLITE
        if self.path is None or not url.startswith(prefix) or url.removeprefix(prefix).startswith("/"):
            return url
        return prefix + str(self.path.parent.resolve() / url.removeprefix(prefix))

    @property
    def kept_database(self) -> str:
        """The address for whoever only looks at what the aggregator keeps.

        Without a file nothing says that this folder is the right one. Raises `BadSetup` where no database is in it.
        """
        hint = "name the aggregator's file with --config CLOUD.toml"
        return there(self.database_url, hint) if self.path is None else self.database_url


def there(url: str, hint: str = "") -> str:
    """The same address. Raises `BadSetup` where it is that of a file which is not there."""
    file = url.removeprefix(_SQLITE)
    if file != url and not Path(file).is_file():
        raise BadSetup(file, "no such database", hint=hint)
    return url


def load(path: Path | None) -> Loaded:
    """Settings of the file, or the defaults without one. Raises `BadSetup` naming file, field and what was expected."""
    if path is None:
        return Loaded(CloudSettings(), None)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetup(str(path), f"is not TOML: {error}") from error
    try:
        return Loaded(msgspec.convert(table, CloudSettings), path)
    except msgspec.ValidationError as error:
        raise BadSetup(str(path), misfit(error, table, CloudSettings)) from error
