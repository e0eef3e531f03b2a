"""The table from an export's labels to signals: data that users extend."""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from agent.domain.errors import BadSetup
from agent.domain.signals import SignalName, signal_name

BUILT_IN = Path(__file__).with_name("labels.toml")
FIELDS = frozenset({"label", "signal", "scale", "offset"})


@dataclass(frozen=True, slots=True)
class Label:
    """One line of the table; the value in the signal's unit is `value × scale + offset`."""

    pattern: str
    signal: SignalName
    scale: float = 1.0
    offset: float = 0.0


def read_labels(path: Path | None = None) -> list[Label]:
    """The user's lines first, then the built-in ones. Raises `BadSetup` naming file, line number and field."""
    own = _read(path) if path else []
    return own + _read(BUILT_IN)


def find(labels: list[Label], text: str) -> Label | None:
    """The first line whose pattern fits `text`; None where the label means nothing to us."""
    return next((label for label in labels if fnmatchcase(text, label.pattern)), None)


def _read(path: Path) -> list[Label]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetup(str(path), f"is not TOML: {error}") from error
    rows = document.get("label")
    if not isinstance(rows, list):
        raise BadSetup(str(path), "has no [[label]] entries; expected label = and signal = in each")
    return [_label(f"{path}, label {number}", row) for number, row in enumerate(rows, 1)]


def _label(where: str, row: object) -> Label:
    if not isinstance(row, dict) or not FIELDS.issuperset(row) or not {"label", "signal"} <= set(row):
        raise BadSetup(where, f"{row!r}: expected label and signal, and at most scale and offset beside them")
    for field in ("scale", "offset"):
        if isinstance(row.get(field, 0.0), bool) or not isinstance(row.get(field, 0.0), int | float):
            raise BadSetup(where, f"{field} = {row[field]!r}: expected a number")
    try:
        signal = signal_name(str(row["signal"]))
    except ValueError as error:
        raise BadSetup(where, f"signal: {error}") from error
    return Label(str(row["label"]), signal, float(row.get("scale", 1.0)), float(row.get("offset", 0.0)))
