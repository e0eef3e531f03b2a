"""A profile file read and refused where it is wrong, with file, line, field, value and what was expected."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from agent.domain.errors import BadSetup
from agent.sources.profile import Derived, Fingerprint, Limits, Modules, Profile, Register, Station, Variant
from agent.sources.profile_check import check
from agent.sources.profile_relations import resolve_scales
from agent.sources.profile_text import Place, ProfileText

T = TypeVar("T", bound=msgspec.Struct)

_SHIPPED: Final = Path(__file__).with_name("profiles")
_LISTS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "register": Register,
    "derived": Derived,
    "modules": Modules,
    "variant": Variant,
    "station": Station,
    "fingerprint": Fingerprint,
}


class ProfileShelf:
    """The profiles within reach: those that ship with the agent, and an installer's own in `folder`.

    An own profile stands in for a shipped one of the same name.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def files(self) -> dict[str, Path]:
        """Every profile's file by its name. Raises `BadSetup` for a folder that is not there."""
        files = {path.stem: path for path in sorted(_SHIPPED.glob("*.toml"))}
        if self.folder is not None:
            if not self.folder.is_dir():
                raise BadSetup(str(self.folder), "is not a folder; expected one that holds profiles, NAME.toml")
            files |= {path.stem: path for path in sorted(self.folder.glob("*.toml"))}
        return dict(sorted(files.items()))

    def load(self, name: str | Path, variants: Iterable[str] = ()) -> Profile:
        """A profile by its name, or by the path of its file, with the chosen variants applied.

        A relative path counts from the folder. Raises `BadSetup`.
        """
        path, where = self._find(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetup(where, f"cannot be read: {error}") from error
        return choose_variants(parse_profile(text, where), variants)

    def _find(self, name: str | Path) -> tuple[Path, str]:
        if isinstance(name, Path) or name.endswith(".toml"):
            path = Path(name) if self.folder is None else self.folder / name
            return path, str(path)
        own = None if self.folder is None else self.folder / f"{name}.toml"
        if own is not None and own.is_file():
            return own, str(own)
        known = profile_names()
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, known, n=3)
            expected = f"did you mean {', '.join(near)}?" if near else f"expected one of {', '.join(known)}"
            raise BadSetup(f"profile {name!r}", f"unknown, {expected}", hint="Or the path to a .toml file of your own.")
        return _SHIPPED / f"{name}.toml", f"{name}.toml"


def profile_names() -> list[str]:
    """The profiles that ship with the agent."""
    return sorted(path.stem for path in _SHIPPED.glob("*.toml"))


def load_profile(name: str | Path, variants: Iterable[str] = ()) -> Profile:
    """A shipped profile by its name, or an installer's own by its path, with the chosen variants applied.

    Raises `BadSetup`.
    """
    return ProfileShelf().load(name, variants)


def choose_variants(profile: Profile, variants: Iterable[str]) -> Profile:
    """The profile with the registers and signs of these variants. Raises `BadSetup` for an unknown one."""
    chosen = set(variants)
    known = {entry.name: entry for entry in profile.variant}
    for name in sorted(chosen - set(known)):
        expected = ", ".join(sorted(known)) or "none"
        raise BadSetup(f"profile {profile.name}", f"unknown variant {name!r}, expected one of: {expected}")
    taken = [known[name] for name in sorted(chosen)]
    registers = [_adapted(r, taken) for r in profile.register if _belongs(r.variant, chosen)]
    return msgspec.structs.replace(
        profile,
        order=next((entry.order for entry in taken if entry.order), profile.order),
        register=tuple(registers),
        derived=tuple(d for d in profile.derived if _belongs(d.variant, chosen)),
        fingerprint=tuple(
            f if _belongs(f.variant, chosen) else msgspec.structs.replace(f, required=False)
            for f in profile.fingerprint
        ),
    )


def _belongs(variant: str, chosen: set[str]) -> bool:
    return variant[1:] not in chosen if variant.startswith("!") else not variant or variant in chosen


def _adapted(register: Register, chosen: Iterable[Variant]) -> Register:
    sign, scale = register.sign, register.scale
    for entry in chosen:
        if register.name in entry.flip:
            sign = -1 if sign == 1 else 1
        scale *= entry.times.get(register.name, 1.0)
    return msgspec.structs.replace(register, sign=sign, scale=scale)


def parse_profile(text: str, where: str) -> Profile:
    """A profile out of TOML text; `where` names the file in errors. Raises `BadSetup`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSetup(where, f"not TOML: {error}") from error
    source = ProfileText(where, text)
    profile = _convert(source, document)
    check(source, profile)
    return resolve_scales(profile)


def _convert(source: ProfileText, document: dict[str, Any]) -> Profile:
    """Entry by entry, so that an error knows which one it is."""
    parts: dict[str, Any] = dict(document)
    for table, kind in _LISTS.items():
        entries = document.get(table, [])
        if not isinstance(entries, list):
            raise BadSetup(source.name, f"{table}: expected a list of tables, [[{table}]]")
        parts[table] = [_entry(source, Place(table, i, _label(e)), e, kind) for i, e in enumerate(entries)]
    if isinstance(document.get("limits"), dict):
        parts["limits"] = _entry(source, Place("limits", 0, " "), document["limits"], Limits)
    try:
        return msgspec.convert(parts, Profile)
    except msgspec.ValidationError as error:
        raise BadSetup(source.name, _plain(str(error))) from None


def _entry(source: ProfileText, place: Place, entry: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(entry, kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        field = path.strip("`.")
        if "unknown field" in problem:
            field = problem.split("`")[1]
            problem = f"unknown key, expected one of {', '.join(kind.__struct_fields__)}"
        elif field and isinstance(entry, dict) and field in entry:
            problem = f"got {entry[field]!r}, {problem[0].lower()}{problem[1:]}"
        source.refuse(place, field, _plain(problem))


def _plain(message: str) -> str:
    return message.replace("`", "").replace(" - at $", " at ").replace("\n", " ")


def _label(entry: object) -> str:
    if isinstance(entry, dict):
        return str(entry.get("signal") or entry.get("identity") or entry.get("name") or "")
    return ""
