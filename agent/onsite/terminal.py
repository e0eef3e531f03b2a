"""The wizard as a conversation in a terminal; it works over ssh, and goes on where it was left."""

import asyncio
import os
import stat
from collections.abc import Sequence
from typing import Any, Final, TextIO

from agent.domain.errors import BadSetup, EmberwattError
from agent.domain.proof_heat import TEMPERATURES
from agent.domain.proof_model import POWERS, Finding, Proof
from agent.domain.signals import Reading
from agent.onsite.bench import Candidate, Look, ProfileChoice
from agent.onsite.cues import Cue, ProofPlan
from agent.onsite.sharing import Overlap
from agent.onsite.wizard import ProofRun, Wizard, is_zone

_TICK_S: Final = 0.5
NO_TERMINAL: Final = "Over ssh: ssh -t. Without one: setup --page ADDRESS:PORT, for a browser."


class Stopped(EmberwattError):
    """The person went away; everything so far is kept."""


class Talk:
    """Lines from and to a person."""

    def __init__(self, source: TextIO, sink: TextIO) -> None:
        self._fd = source.fileno()
        self._sink = sink
        self._bytes = bytearray()
        self._ended = False
        self._news = asyncio.Event()
        self.live = sink.isatty()

    def say(self, text: str = "", end: str = "\n") -> None:
        self._sink.write(text + end)
        self._sink.flush()

    def over(self, text: str) -> None:
        """A line that takes the place of the last one, where somebody watches."""
        if self.live:
            self.say(f"\r\x1b[K{text}", end="")

    async def __aenter__(self) -> "Talk":
        try:
            asyncio.get_running_loop().add_reader(self._fd, self._readable)
        except PermissionError:
            # What can always be read, a file for instance, cannot be waited for.
            self._read_file()
        return self

    def _read_file(self) -> None:
        """All answers at once. Raises `BadSetup` where nobody could have written one."""
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise BadSetup("setup", "needs a terminal", hint=NO_TERMINAL)
        while data := os.read(self._fd, 4096):
            self._bytes += data
        self._ended = True

    async def __aexit__(self, *exc: object) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 4096)
        except OSError:
            data = b""
        self._bytes += data
        if not data:
            self._ended = True
            asyncio.get_running_loop().remove_reader(self._fd)
        self._news.set()

    def line(self) -> str | None:
        """A line that is there already. Raises `Stopped` at the end of input."""
        text, newline, rest = bytes(self._bytes).partition(b"\n")
        if newline:
            self._bytes[:] = rest
            return text.decode(errors="replace").strip()
        if self._ended:
            raise Stopped("setup was left", hint="Call it again to go on where you were.")
        return None

    async def wait(self, seconds: float | None) -> str | None:
        """The next line, or None after that time."""
        try:
            async with asyncio.timeout(seconds):
                while (line := self.line()) is None:
                    self._news.clear()
                    await self._news.wait()
                return line
        except TimeoutError:
            return None

    async def ask(self, question: str, default: str = "") -> str:
        self.say(f"{question} [{default}] " if default else f"{question} ", end="")
        return (await self.wait(None)) or default

    async def agree(self, question: str, *, default: bool = True) -> bool:
        answer = await self.ask(f"{question} ({'Y/n' if default else 'y/N'})")
        return default if not answer else answer.lower().startswith("y")

    async def number(self, question: str, default: float | None, low: float, high: float) -> float | None:
        """A number within bounds; with Enter the default, which may be none."""
        while True:
            answer = await self.ask(question, "" if default is None else f"{default:g}")
            if not answer:
                return default
            try:
                value = float(answer.replace(",", "."))
            except ValueError:
                value = float("nan")
            if low <= value <= high:
                return value
            self.say(f"  Expected a number from {low:g} to {high:g}.")


async def talk_through(wizard: Wizard, talk: Talk) -> None:
    """All four steps."""
    await _name(wizard, talk)
    await _choose(wizard, talk)
    await _read(wizard, talk)
    await _prove(wizard, talk)
    await _write(wizard, talk)


def _title(talk: Talk, number: int, text: str) -> None:
    talk.say(f"\n── {number} of 4 · {text} " + "─" * max(0, 50 - len(text)))


async def _name(wizard: Wizard, talk: Talk) -> None:
    talk.say("Commissioning. Everything is kept as you go; Ctrl-C and call it again to go on.")
    if wizard.place.config.exists() or wizard.draft.device:
        return
    while True:
        device = await talk.ask("Name of this site at the broker (a-z, 0-9, -):")
        if 3 <= len(device) <= 40 and all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in device):
            break
        talk.say("  Expected 3 to 40 of a-z, 0-9 and -.")
    site: dict[str, Any] = {"name": await talk.ask("Its name for people:", device)}
    latitude = await talk.number("Latitude (Enter to leave out):", None, -90, 90)
    if latitude is not None:
        site |= {"latitude": latitude, "longitude": await talk.number("Longitude:", 0.0, -180, 180)}
    while not is_zone(zone := await talk.ask("Time zone:", "UTC")):
        talk.say("  Expected a name such as Europe/Berlin.")
    wizard.name_site(device, {**site, "timezone": zone})


async def _choose(wizard: Wizard, talk: Talk) -> None:
    _title(talk, 1, "choose the devices")
    while True:
        for source in wizard.draft.sources:
            talk.say(f"  {source.name}: {source.table.get('profile')} at {source.where}")
        question = "Address of a device (host, host:port, a range such as 192.168.1.0/28, or /dev/…"
        answer = await talk.ask(question + ("; Enter to go on, - to drop one):" if wizard.draft.sources else "):"))
        if not answer and wizard.draft.sources:
            return
        try:
            if answer.startswith("-"):
                await _drop(wizard, talk, answer[1:].strip())
            elif answer:
                await _add(wizard, talk, answer)
        except BadSetup as error:
            talk.say(f"  {error}" + (f"\n  {error.hint}" if error.hint else ""))


async def _drop(wizard: Wizard, talk: Talk, name: str) -> None:
    name = name or await talk.ask("Which one?")
    if all(source.name != name for source in wizard.draft.sources):
        raise BadSetup(f"device {name!r}", "there is none of this name")
    wizard.remove(name)


async def _add(wizard: Wizard, talk: Talk, where: str) -> None:
    talk.say("  Looking …", end="" if talk.live else "\n")
    try:
        found = await wizard.bench.scan(where, lambda says: talk.over(f"  Looking … {says}"))
    finally:
        talk.over("")
    if not found:
        talk.say("  Nobody answers there. Is Modbus switched on in the device's menu, and nobody else connected?")
        return
    chosen = found[0] if len(found) == 1 else await _pick(talk, found)
    talk.say(f"  {chosen.says}" + (f"\n  Note: {chosen.note}" if chosen.note else ""))
    profile = await _profile(wizard.bench.profiles(), talk, str(chosen.table.get("profile", "")))
    variants = [name for name, about in profile.variants if await talk.agree(f"  {about}?", default=False)]
    name = await talk.ask("  Call it:", profile.call)
    table = {"name": name, **chosen.table, "profile": profile.name}
    if variants:
        table["variants"] = variants
    try:
        wizard.add(table)
    except Overlap as overlap:
        talk.say(f"  It gives {', '.join(overlap.names)}, and so does {overlap.others}.")
        wizard.add(table, prefer="new" if await talk.agree("  Take them from the new one?") else "old")


async def _pick(talk: Talk, found: Sequence[Candidate]) -> Candidate:
    for index, each in enumerate(found, 1):
        talk.say(f"  {index}  {each.says}")
    number = await talk.number("  Which one?", 1, 1, len(found))
    return found[round(number or 1) - 1]


async def _profile(choices: Sequence[ProfileChoice], talk: Talk, guess: str) -> ProfileChoice:
    known = {choice.name: choice for choice in choices}
    while True:
        answer = await talk.ask("  Profile (? lists them):", guess if guess in known else "")
        if answer in known:
            return known[answer]
        if answer not in ("", "?"):
            talk.say(f"  There is no profile {answer!r}. There are:")
        for choice in choices:
            talk.say(f"    {choice.name:28} {choice.title}")


async def _read(wizard: Wizard, talk: Talk) -> None:
    _title(talk, 2, "read them")
    while True:
        for look in await wizard.look():
            talk.say("\n".join(_look_lines(look)))
        if not await talk.agree("Read again?", default=False):
            return


def _look_lines(look: Look) -> list[str]:
    if look.trouble:
        return [f"{look.source}: no answer: {look.trouble}"]
    lines = [f"{look.source}: {look.says}"]
    for row in look.rows:
        raw = ", ".join(row.raw)
        lines.append(f"  {row.name:24} {row.text:>12} {row.unit:4} {row.fault:8} {raw}".rstrip())
    return lines


async def _prove(wizard: Wizard, talk: Talk) -> None:
    _title(talk, 3, "prove that every value is right")
    load, heat = wizard.provable()
    while (load or heat) and await talk.agree("Prove it now? It takes a few minutes."):
        proof = await _one_proof(wizard, talk, load=load, heat=heat)
        talk.say("\n".join(_verdict_lines(proof)))
        if not await _apply(wizard, talk, proof.findings) and not proof.findings:
            return


async def _one_proof(wizard: Wizard, talk: Talk, *, load: bool, heat: bool) -> Proof:
    watts, phases, outdoor = 2000.0, 1, None
    if load:
        talk.say("You need a load of at least 1500 W that you can switch: a kettle, a heater.")
        watts = await talk.number("How many watts does it have?", 2000, 500, 12000) or 2000.0
        phases = 3 if await talk.agree("Can you carry it to a socket of each of three phases?", default=False) else 1
    if heat:
        outdoor = await talk.number("How warm is it outside, about, in °C (Enter if unknown)?", None, -50, 55)
    run = await wizard.start(ProofPlan(watts, phases, load, heat, outdoor))
    try:
        while (cue := run.cue()) is not None:
            await _follow(run, cue, talk)
        return await wizard.conclude()
    finally:
        await wizard.stop()


async def _follow(run: ProofRun, cue: Cue, talk: Talk) -> None:
    """One cue: count down what is to be waited for, then ask and watch for the Enter."""
    if not cue.button:
        talk.over(f"  {cue.says} {cue.left_s:3.0f} s   {live_line(run.latest)}")
        await talk.wait(_TICK_S)
        return
    talk.say(("\r\x1b[K" if talk.live else "") + f"▶ {cue.step}/{cue.steps} {cue.says} Then press Enter.")
    while await talk.wait(_TICK_S) is None:
        run.cue()
        talk.over(f"  {live_line(run.latest)}")
    run.press()


def live_line(reading: Reading | None) -> str:
    """The powers and temperatures of this moment on one line."""
    if reading is None:
        return "…"
    parts = [
        f"{name.removesuffix('_power')} {reading.values[name]:,.0f} W" for name in POWERS if name in reading.values
    ]
    parts += [
        f"{name.removesuffix('_temperature')} {reading.values[name]:.1f} °C"
        for name in TEMPERATURES
        if name in reading.values
    ]
    return "  ".join(parts)


def _verdict_lines(proof: Proof) -> list[str]:
    lines = [""]
    lines += [f"  ✓ {name} is right" for name in proof.proven]
    for finding in proof.findings:
        lines += [f"  ✗ {finding.says} (sure to {min(0.99, finding.confidence):.0%})", f"    {finding.advice}"]
    lines += [f"  ? {name}: {why}" for name, why in proof.open.items()]
    return lines


async def _apply(wizard: Wizard, talk: Talk, findings: Sequence[Finding]) -> bool:
    """Offer what the site file can put right; whether anything was changed."""
    changed = False
    for finding in findings:
        if wizard.can_apply(finding) and await talk.agree("Put this right in the site file?"):
            wizard.apply(finding)
            changed = True
    if changed:
        talk.say("  Changed. Prove it again to be sure.")
    return changed


async def _write(wizard: Wizard, talk: Talk) -> None:
    _title(talk, 4, "write the site file")
    config = wizard.place.config
    text = wizard.text()
    talk.say("\n".join(f"  | {line}" for line in text.splitlines()))
    question = f"{config} exists. Replace it? The old one is kept beside it." if config.exists() else f"Write {config}?"
    if not await talk.agree(question, default=not config.exists()):
        raise Stopped(f"{config} was not written", hint="Call it again to go on where you were.")
    backup = wizard.write()
    talk.say(f"Written: {config}" + (f" (the old one is {backup})" if backup else ""))
