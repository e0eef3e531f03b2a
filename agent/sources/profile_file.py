"""A profile file read and refused where it is wrong, with file, line, field, value and what was expected."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from agent.domain.errors import BadSetup
from agent.domain.misfit import expected, near
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
    """The profiles within reach: an installer's own in `folders`, the first of which counts, then those that ship.

    mixed: the last folder, in which other files lie as well.
    """

    def __init__(self, *folders: Path, mixed: Path | None = None) -> None:
        self._mixed = mixed
        self._folders = folders if mixed is None else (*folders, mixed)

    @classmethod
    def beside(cls, site: Path, *more: Path) -> "ProfileShelf":
        """What every program of a site has: `more`, `profiles/` beside the site file, the site file's own folder."""
        return cls(*more, site.parent / "profiles", mixed=site.parent)

    def files(self) -> dict[str, Path]:
        """Every profile's file by its name; beside the site file a file without registers is none."""
        files = {path.stem: path for path in _SHIPPED.glob("*.toml")}
        for folder in reversed(self._folders):
            found = folder.glob("*.toml")
            files |= {path.stem: path for path in found if folder is not self._mixed or _has_registers(path)}
        return dict(sorted(files.items()))

    def is_own(self, path: Path) -> bool:
        """Whether this file of `files` is an installer's."""
        return path.parent != _SHIPPED

    def load(self, name: str | Path, variants: Iterable[str] = ()) -> Profile:
        """A profile by its name, or by the path of its file, with the chosen variants applied.

        A relative path counts from the folders in their order. Raises `BadSetup` that names file and line.
        """
        path, where = self._find(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetup(where, f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
        return choose_variants(parse_profile(text, where), variants)

    def sound(self) -> tuple[list[Profile], list[BadSetup]]:
        """Every profile that can be used, by the name it is loaded by, and what is wrong with each of the others."""
        profiles, faults = [], []
        for name in self.files():
            try:
                profiles.append(msgspec.structs.replace(self.load(name), name=name))
            except BadSetup as fault:
                faults.append(fault)
        return profiles, faults

    def _find(self, name: str | Path) -> tuple[Path, str]:
        if isinstance(name, Path) or name.endswith(".toml"):
            places = [folder / name for folder in self._folders] or [Path(name)]
            path = next((place for place in places if place.is_file()), places[-1])
            return path, str(path)
        files = self.files()
        if name not in files:
            hint = "Or one of your own: NAME.toml in the folder profiles/ beside the site file."
            raise BadSetup(f"profile {name!r}", f"unknown, {near(name, files)}", hint=hint)
        path = files[name]
        return path, str(path) if self.is_own(path) else path.name


def _has_registers(path: Path) -> bool:
    try:
        return "[[register]]" in path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        # A file that cannot be read is somebody's profile until the opposite is known: it is named, not hidden.
        return True


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
        raise BadSetup(f"profile {profile.name}", f"unknown variant {name!r}, {near(name, sorted(known))}")
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
        elif "enum value" in problem and isinstance(entry, dict) and field in entry:
            types = {each.name: each.type for each in msgspec.structs.fields(kind)}
            problem = f"got {entry[field]!r}, expected {expected(types[field])}"
        elif field and isinstance(entry, dict) and field in entry:
            problem = f"got {entry[field]!r}, {problem[0].lower()}{problem[1:]}"
        source.refuse(place, field, _plain(problem))


def _plain(message: str) -> str:
    return message.replace("`", "").replace(" - at $", " at ").replace("\n", " ")


def _label(entry: object) -> str:
    if isinstance(entry, dict):
        return str(entry.get("signal") or entry.get("identity") or entry.get("name") or "")
    return ""
