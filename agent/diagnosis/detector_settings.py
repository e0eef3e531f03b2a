"""The `[[detector]]` tables of a site file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.domain.detecting import MODEL
from agent.domain.episodes import Timing
from agent.domain.errors import BadSetup

_PLAIN: Final = {"name", "use", "budget_ms", "debounce_s", "clear_s"}


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """`use` is the name of an entry point or `FILE.py:Class`, paths being relative to `folder`.

    A detector that takes more than `budget_ms` for reading after reading is switched off.
    """

    name: str
    use: str
    options: Mapping[str, Any] = field(default_factory=dict)
    timing: Timing = field(default=Timing(debounce_s=0, clear_s=0, max_gap_s=86_400))
    budget_ms: float = 50.0
    folder: str = "."


def detectors_from(document: Mapping[str, Any], folder: str = ".") -> tuple[DetectorSettings, ...]:
    """The settings in `document`. Raises `BadSetup` whose `where` is the field."""
    tables = document.get("detector", [])
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise BadSetup("detector", "expected tables [[detector]]")
    made = tuple(_detector(table, folder) for table in tables)
    names = [each.name for each in made]
    for name in names:
        if names.count(name) > 1:
            raise BadSetup("detector.name", f"{name!r} is used twice; each detector needs its own")
    return made


def detectors_of(document: Mapping[str, Any], path: Path, state: str) -> tuple[DetectorSettings, ...]:
    """Those of the site file `path`; what a model keeps over restarts lies in the folder `state` beside it."""
    kept = [
        {"state": f"{state}/models/{table.get('name', MODEL)}", **table} if table.get("use") == MODEL else table
        for table in document.get("detector", [])
    ]
    return detectors_from({"detector": kept}, str(path.parent))


def _detector(table: Mapping[str, Any], folder: str) -> DetectorSettings:
    use = table.get("use")
    if not isinstance(use, str) or not use:
        raise BadSetup("detector.use", f"got {use!r}, expected FILE.py:Class or the name of an installed detector")
    name = table.get("name", use)
    if not isinstance(name, str) or not name or (":" in name and "name" in table):
        raise BadSetup("detector.name", f"got {name!r}, expected a word without a colon")
    numbers = {key: _number(table, key, default) for key, default in (("debounce_s", 0.0), ("clear_s", 0.0))}
    timing = Timing(numbers["debounce_s"], numbers["clear_s"], max_gap_s=86_400)
    options = {key: value for key, value in table.items() if key not in _PLAIN}
    plain = name.rpartition(":")[2] if "name" not in table else name
    return DetectorSettings(plain, use, options, timing, _number(table, "budget_ms", 50.0), folder)


def _number(table: Mapping[str, Any], key: str, default: float) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 7 * 86_400:
        raise BadSetup(f"detector.{key}", f"got {value!r}, expected a number from 0 to {7 * 86_400}")
    return float(value)
