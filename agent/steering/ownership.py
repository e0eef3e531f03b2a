"""Which keys of the configuration the fleet may set, and what comes of the site file and the fleet's wishes together.

The site file owns what a person on site knows: device id, wiring, addresses, place. The fleet owns intervals,
thresholds, profiles, the model and the tariff. Where both name a key of the fleet's the fleet wins; where somebody on
site has changed such a key after the fleet took it over, that is told as a conflict. Pure.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from agent.domain.errors import BadSetup
from agent.domain.twin import Document, merge_patch

Table = Mapping[str, Any]
_DAY_S: Final = 86_400
_PROFILE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_Check = tuple[Callable[[Any], bool], str]


def _within(low: float, high: float) -> _Check:
    def fits(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

    return fits, f"a number from {low:g} to {high:g}"


def _matches(pattern: re.Pattern[str], expected: str) -> _Check:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None, expected


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= 64 and all(isinstance(word, str) for word in value)


_WORDS: Final[_Check] = (_is_words, "a list of words")
_TABLE: Final[_Check] = (lambda value: isinstance(value, Mapping), "an object")
# Section → key → what its value must be. What a section means is checked by its owner, with the site file's tables.
_SECTIONS: Final[dict[str, dict[str, _Check]]] = {
    "poll": {"interval_s": _within(1, _DAY_S), "budget_s": _within(0.1, 300)},
    "uplink": {
        "host": _matches(re.compile(r"[A-Za-z0-9.:_-]{1,253}"), "a host name or an address"),
        "port": (lambda value: type(value) is int and 1 <= value <= 65_535, "1 to 65535"),
        "flush_interval_s": _within(1, 7 * _DAY_S),
        "report_interval_s": _within(1, 7 * _DAY_S),
    },
    "tariff": {
        "currency": _matches(re.compile(r"[A-Z]{3}"), "three letters such as EUR"),
        "import_per_kwh": _within(0, 100),
        "export_per_kwh": _within(-100, 100),
    },
}
_SOURCE: Final[dict[str, _Check]] = {
    "profile": _matches(_PROFILE, "the name of a profile, without a folder"),
    "variants": _WORDS,
    "signals": _WORDS,
    "timeout_s": _within(0.1, 300),
    "correct": _TABLE,
}
# Checked by those who know what is in them.
_WHOLE: Final = ("diagnosis", "model")


def check_wishes(doc: Table, site: Table) -> None:
    """Raises `BadSetup` naming the key, its value and what was expected."""
    for section, wishes in doc.items():
        if section not in (*_SECTIONS, *_WHOLE, "sources"):
            known = ", ".join(sorted((*_SECTIONS, *_WHOLE, "sources")))
            raise BadSetup(f"desired.{section[:40]}", _whose(section, site, known))
        if not isinstance(wishes, Mapping):
            raise BadSetup(f"desired.{section}", f"got {_shown(wishes)}, expected an object")
        if section in _SECTIONS:
            _check_keys(f"desired.{section}", wishes, _SECTIONS[section], site.get(section, {}))
    _check_sources(doc.get("sources", {}), _sources(site))


def _check_sources(wishes: Table, sources: Mapping[str, Table]) -> None:
    for name, wish in wishes.items():
        where = f"desired.sources.{name[:40]}"
        if name not in sources:
            raise BadSetup(where, f"no such source, this site has {', '.join(sources) or 'none'}")
        if not isinstance(wish, Mapping):
            raise BadSetup(where, f"got {_shown(wish)}, expected an object")
        _check_keys(where, wish, _SOURCE, sources[name])


def _check_keys(where: str, wishes: Table, known: Mapping[str, _Check], site: Table) -> None:
    for key, value in wishes.items():
        if key not in known:
            raise BadSetup(f"{where}.{key[:40]}", _whose(key, site, ", ".join(sorted(known))))
        is_right, expected = known[key]
        if not is_right(value):
            raise BadSetup(f"{where}.{key}", f"got {_shown(value)}, expected {expected}")


_ON_SITE: Final = frozenset(
    "device site source journal proxy clock state id host port unit more_units carrier baud parity stop_bits late_s "
    "address serial role circuit sensors folder cafile certfile keyfile username password".split()
)


def _whose(key: str, site: Table, known: str) -> str:
    if key in site or key in _ON_SITE:
        return f"is set in the site file, by a person on site; the fleet may set {known}"
    return f"unknown, expected one of {known}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"


def overlay(site: Table, doc: Table) -> dict[str, Any]:
    """The site file's tables with the fleet's wishes in them. `doc` was checked.

    >>> overlay({"poll": {"interval_s": 60}, "device": {"id": "a"}}, {"poll": {"interval_s": 30}})
    {'poll': {'interval_s': 30}, 'device': {'id': 'a'}}
    """
    merged = dict(site)
    for section in ("poll", "uplink", "diagnosis"):
        if doc.get(section):
            merged[section] = merge_patch(site.get(section, {}), doc[section])
    wishes = doc.get("sources", {})
    if wishes:
        merged["source"] = [{**table, **wishes.get(table.get("name"), {})} for table in site.get("source", [])]
    return merged


def leaves(doc: Table) -> dict[str, Any]:
    """Every key of a document that sets a value, by its path.

    >>> leaves({"poll": {"interval_s": 30}, "tariff": {"currency": "EUR"}})
    {'poll.interval_s': 30, 'tariff.currency': 'EUR'}
    """
    return dict(_leaves(doc, ""))


def _leaves(table: Table, path: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def taken_over(doc: Table, site: Table, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the site file said of each key when the fleet took it over; None where it said nothing."""
    own = _as_document(site)
    return {key: before.get(key, own.get(key)) for key in leaves(doc)}


def conflicts(doc: Table, site: Table, before: Mapping[str, Any]) -> dict[str, Document]:
    """Keys that somebody on site has changed since the fleet took them over, where the two differ now."""
    own, found = _as_document(site), {}
    for key, wish in leaves(doc).items():
        here = own.get(key)
        if key in before and here is not None and here != before[key] and here != wish:
            found[key] = {"site": here, "fleet": wish}
    return found


def _as_document(site: Table) -> dict[str, Any]:
    """The site file's values by the paths that the fleet has for them."""
    plain = msgspec.to_builtins({key: site[key] for key in ("poll", "uplink", "diagnosis") if key in site})
    return leaves({**plain, "sources": msgspec.to_builtins(_sources(site))})


def _sources(site: Table) -> dict[str, Table]:
    return {str(table.get("name")): table for table in site.get("source", [])}
