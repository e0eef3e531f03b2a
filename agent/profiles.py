"""`emberwatt-agent profiles`: list, show and check device profiles."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent.domain.errors import BadSetup
from agent.domain.signals import spec_of
from agent.sources.profile import Derived, Limits, Profile, Register, signals_of
from agent.sources.profile_file import ProfileShelf

_OK = 0
_REFUSED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `profiles`."""
    parser.add_argument("action", choices=["list", "show", "check"])
    parser.add_argument(
        "profile", nargs="?", metavar="NAME|FILE", help="a shipped profile's name, or a file of your own"
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("site.toml"),
        metavar="SITE.toml",
        help="site file: profiles beside it and in its folder profiles/ are in reach (default: %(default)s)",
    )
    parser.add_argument("--folder", type=Path, help="a further folder with profiles of your own, NAME.toml each")
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    """Raises `BadSetup` for a profile that is not one, naming the line where it can."""
    shelf = _shelf(arguments.config, arguments.folder)
    if arguments.action == "list":
        return _list(shelf, as_json=arguments.json)
    if arguments.profile is None:
        raise BadSetup(f"profiles {arguments.action}", "no profile named", hint="emberwatt-agent profiles list")
    profile = shelf.load(arguments.profile)
    told = _summary(arguments.profile, profile)
    if arguments.action == "check":
        _tell(told, [f"{arguments.profile}: good, gives {len(told['signals'])} signals"], arguments.json)
    else:
        _tell(told | {"registers": _rows(profile)}, list(_pages(profile)), arguments.json)
    return _OK


def _shelf(site: Path, folder: Path | None) -> ProfileShelf:
    """Raises `BadSetup` for a folder that is not there."""
    if folder is None:
        return ProfileShelf.beside(site)
    if not folder.is_dir():
        raise BadSetup(str(folder), "is not a folder; expected one that holds profiles, NAME.toml")
    return ProfileShelf.beside(site, folder)


def _list(shelf: ProfileShelf, *, as_json: bool) -> int:
    """Every profile in reach; one that is not sound is named with its fault, and is no reason to hide the others."""
    good, faults = [], []
    for name, path in shelf.files().items():
        try:
            good.append(_summary(name, shelf.load(name)) | {"own": shelf.is_own(path)})
        except BadSetup as error:
            faults.append(str(error))
    width = max((len(entry["name"]) for entry in good), default=0)
    lines = [
        f"{entry['name']:{width}}  {entry['maker']} {entry['model']}" + (" (your own)" if entry["own"] else "")
        for entry in good
    ]
    _tell(good, lines, as_json)
    for fault in faults:
        print(fault, file=sys.stderr)
    return _REFUSED if faults else _OK


def _summary(name: str, profile: Profile) -> dict[str, Any]:
    return {
        "name": name,
        "maker": profile.maker,
        "model": profile.model,
        "firmware": profile.firmware,
        "signals": sorted(signals_of(profile)),
        "variants": [variant.name for variant in profile.variant],
        "sources": list(profile.sources),
        "notes": list(profile.notes),
    }


def _pages(profile: Profile) -> Iterable[str]:
    """The profile as a person reads it."""
    yield f"{profile.maker} {profile.model}".strip()
    if profile.firmware:
        yield f"firmware: {profile.firmware}"
    yield _limits(profile.limits)
    yield from _table("signals", ([name, *_meaning(name)] for name in sorted(signals_of(profile))))
    yield from _table("registers", ([*row.values()] for row in _rows(profile)))
    yield from _table("sums", ([entry.signal, "= " + _formula(entry)] for entry in profile.derived))
    yield from _table("variants", ([v.name, " ".join((v.about, v.firmware)).strip()] for v in profile.variant))
    yield from _table("further units", ([s.name, s.about, _usual(s.usual)] for s in profile.station))
    yield from _table("sources", ([source] for source in profile.sources))
    yield from _table("notes", ([note] for note in profile.notes))


def _limits(limits: Limits) -> str:
    parts = [f"unit {limits.unit}", f"{limits.words_per_read} words in a request"]
    if limits.gap_ms:
        parts.append(f"{limits.gap_ms} ms between requests")
    if limits.after_connect_ms:
        parts.append(f"{limits.after_connect_ms} ms after connecting")
    parts.append(f"{limits.timeout_s:g} s of patience")
    if limits.one_client:
        parts.append("one client only")
    return ", ".join(parts)


def _rows(profile: Profile) -> list[dict[str, str]]:
    """The registers, one row each; sums take those whose name begins with _."""
    return [
        {
            "name": register.name,
            "place": _place(register, profile),
            "type": register.type if not register.words else f"{register.type}({register.words})",
            "number": _number(register),
            "note": "; ".join(part for part in (_variant(register.variant), register.note) if part),
        }
        for register in profile.register
    ]


def _place(register: Register, profile: Profile) -> str:
    order = register.order or profile.order
    low = " low word first" if register.width > 1 and order == "lo" and register.type != "str" else ""
    if register.address is None:
        models = "/".join(str(model) for model in register.models)
        return f"model {models} + {register.at}{f' of each {register.role}' if register.role else ''}{low}"
    where = ", ".join(str(address) for address in register.scattered) or str(register.address)
    return f"{register.station or f'function {register.function}'} {where}{low}"


def _number(register: Register) -> str:
    if register.map or register.bits:
        return " ".join(f"{key}={word}" for key, word in (register.map or register.bits).items())
    sign = "-" if register.sign < 0 else ""
    factor = f"{sign}{register.scale:g}" if register.scale != 1 or sign else ""
    parts = [factor and f"x {factor}", f"{register.offset:+g}" if register.offset else "", register.unit]
    if register.scale_register is not None:
        parts.insert(0, f"x 10^({register.scale_register})")
    if register.bit is not None:
        parts.append(f"bit {register.bit}")
    return " ".join(part for part in parts if part)


def _variant(name: str) -> str:
    return f"not with {name[1:]}" if name.startswith("!") else f"with {name}" if name else ""


def _formula(entry: Derived) -> str:
    terms = [f"+ {name}" for name in entry.plus] + [f"- {name}" for name in entry.minus]
    return " ".join(terms).removeprefix("+ ")


def _meaning(name: str) -> tuple[str, str]:
    spec = spec_of(name)
    return ("", "") if spec is None else (spec.unit, spec.meaning)


def _usual(units: Iterable[int]) -> str:
    return "usually " + ", ".join(str(unit) for unit in units)


def _table(title: str, rows: Iterable[Iterable[str]]) -> Iterable[str]:
    """The rows in columns under a title; nothing without rows."""
    cells = [list(row) for row in rows]
    if not cells:
        return
    yield f"{title}:"
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]) - 1)]
    for row in cells:
        padded = [f"{cell:{min(width, 40)}}" for cell, width in zip(row, widths, strict=False)]
        yield f"  {'  '.join([*padded, row[-1]])}".rstrip()


def _tell(value: Any, lines: list[str], as_json: bool) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False) if as_json else "\n".join(lines))
