"""What the page shows: each step of the wizard as HTML."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain.proof_model import Finding, Proof
from agent.domain.signals import (
    BATTERY_POWER,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Reading,
    SignalName,
)
from agent.onsite.bench import Candidate, Look, ProfileChoice, Row, SourcePlan
from agent.onsite.cues import Cue
from agent.onsite.html import STYLE, Markup, card, choice, field, join, note, tag, text, tick

STEPS: Final = (("/", "Choose"), ("/read", "Read"), ("/prove", "Prove"), ("/write", "Write"))
_TILES: Final = (
    (PV_POWER, "solar", "Solar", ("", "")),
    (LOAD_POWER, "house", "House", ("", "")),
    (BATTERY_POWER, "battery", "Battery", ("charging", "discharging")),
    (GRID_POWER, "grid", "Grid", ("import", "export")),
)
_WARMTH: Final = (
    (FLOW_TEMPERATURE, "warm", "Flow"),
    (RETURN_TEMPERATURE, "cool", "Return"),
    (ROOM_TEMPERATURE, "house", "Room"),
    (OUTDOOR_TEMPERATURE, "", "Outside"),
)
_QUIET_W: Final = 15.0

PLACE: Final = ("carrier", "host", "port", "baud", "parity", "unit")
"""What a scan tells of where a device is."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page has: the form token, the style's nonce, the site's name, and perhaps a message of trouble."""

    token: str
    nonce: str
    site: str
    trouble: str = ""


def page(frame: Frame, path: str, *inside: str, again_s: int = 0) -> str:
    """A whole page. With `again_s` it is asked for again by itself."""
    marks = [tag("a", words, href=to, aria_current="step" if to == path else None) for to, words in STEPS]
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="refresh", content=str(again_s)) if again_s else "",
        tag("title", f"Set up {frame.site}".strip()),
        tag("style", Markup(STYLE), nonce=frame.nonce),
    ]
    top = tag(
        "header", tag("b", "Emberwatt"), tag("small", frame.site or "new site"), tag("nav", *marks) if path else ""
    )
    trouble = note("bad", frame.trouble) if frame.trouble else ""
    body = tag("body", top, tag("main", trouble, *inside))
    return "<!doctype html>" + tag("html", tag("head", *head), body, lang="en")


def form(frame: Frame, to: str, *inside: str) -> Markup:
    return tag("form", tag("input", type="hidden", name="token", value=frame.token), *inside, method="post", action=to)


def button(words: str, kind: str = "main", *, name: str | None = None, value: str | None = None) -> Markup:
    return tag("button", words, class_=kind, type="submit", name=name, value=value)


def login(frame: Frame, pause_s: float) -> str:
    if pause_s > 0:
        inside = note("bad", f"Too many wrong PINs. Wait {pause_s:.0f} seconds, then load the page again.")
    else:
        pin = field(
            "PIN", "pin", type="password", inputmode="numeric", autocomplete="off", required=True, autofocus=True
        )
        hint = tag("p", "The terminal in which the page was opened shows the PIN.", class_="soft")
        inside = card(tag("h1", "Set up this site"), hint, form(frame, "/login", pin, button("Go on")))
    return page(frame, "", inside)


def choose(frame: Frame, sources: Sequence[SourcePlan], *, named: bool) -> str:
    """Devices so far, and the way to add one."""
    where = field(
        "Address, range such as 192.168.1.0/28, or serial port",
        "where",
        placeholder="192.168.1.20 or /dev/ttyUSB0",
        required=True,
    )
    add = card(
        tag("h1", "Add a device"), form(frame, "/scan", where, button("Look for it", "main" if not sources else ""))
    )
    known = [_device(frame, source) for source in sources]
    go_on = tag("a", "Read the devices", href="/read", class_="button main") if sources and named else ""
    return page(frame, "/", "" if named else _site_form(frame), *known, add, go_on)


def _site_form(frame: Frame) -> Markup:
    parts = (
        field("Name at the broker: a-z, 0-9 and -", "device", pattern="[a-z0-9\\-]{3,40}", required=True),
        field("Name for people", "name"),
        field("Time zone", "timezone", value="Europe/Berlin"),
        field("Latitude, if known", "latitude", inputmode="decimal"),
        field("Longitude", "longitude", inputmode="decimal"),
    )
    return card(tag("h1", "The site"), form(frame, "/site", *parts, button("Keep")))


def _device(frame: Frame, source: SourcePlan) -> Markup:
    says = tag("p", f"{source.table.get('profile')} at {source.where}", class_="soft")
    corrected = tag("p", "corrected after a proof", class_="soft") if source.correct else ""
    drop = form(frame, "/remove", button("Remove", "", name="name", value=source.name))
    return card(tag("h2", source.name), says, corrected, drop)


def looking(frame: Frame, where: str, says: str) -> str:
    """While a scan goes on."""
    stop = form(frame, "/scan/stop", button("Stop", ""))
    ask = card(tag("h1", f"Looking at {where}"), tag("p", says or "…", class_="soft"), tag("progress"))
    return page(frame, "/", ask, stop, again_s=1)


def found(frame: Frame, candidates: Sequence[Candidate], profiles: Sequence[ProfileChoice], where: str) -> str:
    """What a scan has found, each with a form to take it."""
    if not candidates:
        nobody = f"Nobody answers at {where}. Is Modbus switched on in the device's menu, and nobody else connected?"
        return page(frame, "/", note("open", nobody), tag("a", "Back", href="/", class_="button"))
    return page(frame, "/", *(_candidate(frame, each, profiles) for each in candidates))


def _candidate(frame: Frame, candidate: Candidate, profiles: Sequence[ProfileChoice]) -> Markup:
    guess = str(candidate.table.get("profile", ""))
    options = [("", "choose …"), *((each.name, each.title or each.name) for each in profiles)]
    hidden = [
        tag("input", type="hidden", name=key, value=str(candidate.table[key]))
        for key in PLACE
        if key in candidate.table
    ]
    ticks = [_variants(each) for each in profiles if each.name == guess]
    hint = tag("p", candidate.note, class_="soft") if candidate.note else ""
    call = next((each.call for each in profiles if each.name == guess), "device")
    parts = (choice("Profile", "profile", options, guess), *ticks, field("Call it", "name", value=call))
    return card(tag("h2", candidate.says), hint, form(frame, "/add", *hidden, *parts, button("Add it")))


def _variants(profile: ProfileChoice) -> Markup:
    """What a profile leaves open; that it was asked goes along."""
    ticks = [tick(about, "variants", name) for name, about in profile.variants]
    return join((tag("input", type="hidden", name="asked", value=profile.name), *ticks))


def ask_variants(frame: Frame, profile: ProfileChoice, given: Mapping[str, str]) -> str:
    """What another profile than the guessed one leaves open, before the device is added."""
    kept = [tag("input", type="hidden", name=key, value=value) for key, value in given.items() if key != "token"]
    hint = tag("p", "Tick what is so here; leave the others.", class_="soft")
    return page(
        frame,
        "/",
        card(tag("h1", profile.title), hint, form(frame, "/add", *kept, _variants(profile), button("Add it"))),
    )


def overlap(frame: Frame, names: Sequence[str], others: str, given: Iterable[tuple[str, str]]) -> str:
    """A new device gives what another gives too: whose values count?"""
    kept = [tag("input", type="hidden", name=key, value=value) for key, value in given]
    says = f"This device gives {', '.join(name.replace('_', ' ') for name in names)}, and so does {others}."
    new = button("Take them from the new one", name="prefer", value="new")
    old = button(f"Keep those of {others}", "", name="prefer", value="old")
    ask = form(frame, "/add", *kept, new, tag("p", ""), old)
    return page(frame, "/", card(tag("h1", "Whose values count?"), tag("p", says), ask))


def read(frame: Frame, looks: Iterable[Look]) -> str:
    """Live values with the words they were made of."""
    go_on = tag("a", "Prove that they are right", href="/prove", class_="button main")
    looks = list(looks)
    powers = {row.name for look in looks for row in look.rows} & {BATTERY_POWER, GRID_POWER}
    signs = " Charging and import are positive." if powers else ""
    hint = tag("p", f"Compare with the devices' own displays.{signs}", class_="soft")
    return page(frame, "/read", hint, *(_look(look) for look in looks), go_on, again_s=15)


def _look(look: Look) -> Markup:
    if look.trouble:
        return card(tag("h2", look.source), note("bad", f"No answer: {look.trouble}"))
    return card(tag("h2", look.source), tag("p", look.says, class_="soft"), *(_row(row) for row in look.rows))


def _row(row: Row) -> Markup:
    value = tag("b", f"{row.text} {row.unit}") if not row.fault else tag("span", row.fault, class_="bad")
    raw = tag("small", ", ".join(row.raw)) if row.raw else ""
    return tag("div", tag("div", tag("span", row.name.replace("_", " ")), value, class_="row"), raw, class_="value")


def prepare(frame: Frame, *, load: bool, heat: bool) -> str:
    """Before a proof: what is needed."""
    if not load and not heat:
        return page(
            frame, "/prove", note("open", "Nothing here can be proven: no device gives grid power or heating water.")
        )
    parts: list[str] = []
    if load:
        parts.append(tag("p", "You need a load of at least 1500 W that you can switch: a kettle, a heater."))
        parts.append(
            field("How many watts does it have?", "watts", type="number", value="2000", min="500", max="12000")
        )
        parts.append(tick("I can carry it to a socket of each of three phases", "phases"))
    if heat:
        parts.append(field("How warm is it outside, about, in °C?", "outdoor", inputmode="decimal"))
    return page(frame, "/prove", card(tag("h1", "Prove it"), form(frame, "/prove/start", *parts, button("Begin"))))


def proving(frame: Frame, cue: Cue, reading: Reading | None) -> str:
    """During a proof: what to do now, and what is seen."""
    bar = tag("progress", value=f"{cue.done:.3f}", max="1")
    if cue.button:
        act = form(frame, "/prove/press", button(cue.button, "main big"))
    else:
        act = tag("p", f"{cue.left_s:.0f} seconds more", class_="soft")
    stop = form(frame, "/prove/stop", button("Stop", ""))
    ask = card(bar, tag("p", cue.says, class_="ask"), act)
    return page(frame, "/prove", ask, _tiles(reading), stop, again_s=2)


def _tiles(reading: Reading | None) -> Markup:
    values: Mapping[SignalName, float] = {} if reading is None else reading.values
    tiles = []
    for name, kind, words, ways in _TILES:
        if name in values:
            value = values[name]
            way = "" if abs(value) < _QUIET_W else ways[0] if value > 0 else ways[1]
            shown = tag("b", f"{abs(value) if ways[0] else value:,.0f} W")
            tiles.append(tag("div", tag("small", f"{words} {way}"), shown, class_=f"tile {kind}"))
    for name, kind, words in _WARMTH:
        if name in values:
            shown = tag("b", f"{values[name]:.1f} °C")
            tiles.append(tag("div", tag("small", words), shown, class_=f"tile {kind}"))
    return tag("div", *tiles, class_="tiles") if tiles else join(())


def verdict(frame: Frame, proof: Proof, can_apply: Sequence[bool], *, changed: bool) -> str:
    """After a proof: what is right, what is wrong, what could not be told."""
    parts: list[str] = []
    if changed:
        parts.append(note("open", "Corrected. Prove it again to be sure."))
    elif proof.right:
        parts.append(note("good", "Everything that could be told is right."))
    parts += [_finding(frame, index, each, can_apply[index]) for index, each in enumerate(proof.findings)]
    rows = [tag("li", f"✓ {name.replace('_', ' ')}", class_="good-text") for name in proof.proven]
    rows += [
        tag("li", tag("span", f"? {name.replace('_', ' ')} ", class_="open-text"), tag("small", why))
        for name, why in proof.open.items()
    ]
    if rows:
        parts.append(card(tag("h2", "Value by value"), tag("ul", *rows, class_="plain")))
    again = changed or (not any(can_apply) and bool(proof.findings or proof.open))
    parts.append(form(frame, "/prove/again", button("Prove again", "main" if again else "")))
    parts.append(tag("p", ""))
    parts.append(
        tag("a", "Write the site file", href="/write", class_="button" if again or proof.findings else "button main")
    )
    return page(frame, "/prove", *parts)


def _finding(frame: Frame, index: int, finding: Finding, can_apply: bool) -> Markup:
    says = finding.says[0].upper() + finding.says[1:]
    sure = tag("p", f"Sure to {min(0.99, finding.confidence):.0%}. To do: {finding.advice}.")
    act = form(frame, "/prove/apply", button("Put it right in the site file", "main", name="which", value=str(index)))
    return card(tag("h2", says, class_="bad-text"), sure, act if can_apply else "")


def write(frame: Frame, shown: str, *, exists: bool, proven: bool) -> str:
    """The file before it is written."""
    warn = (
        "" if proven else note("open", "These devices were not proven right yet. You can write the file all the same.")
    )
    sure = tick("Replace the site file; the old one is kept beside it", "replace") if exists else ""
    return page(
        frame,
        "/write",
        warn,
        card(tag("h1", "Site file"), tag("pre", shown), form(frame, "/write", sure, button("Write it"))),
    )


def written(frame: Frame, path: str, backup: str) -> str:
    kept = f" The old one is {backup}." if backup else ""
    return page(
        frame, "/write", note("good", f"Written: {path}.{kept}"), tag("p", text("Start or restart the agent now."))
    )
