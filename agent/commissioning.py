"""A setup from its start to its end: where it stands, in the terminal or as a page."""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from agent import config
from agent.bench import AgentBench
from agent.clock import SystemClock
from agent.domain.errors import BadSetup
from agent.domain.proof_change import Change
from agent.onsite.bench import SourcePlan
from agent.onsite.keeping import Draft, load_draft
from agent.onsite.page import Page, PageSettings
from agent.onsite.terminal import NO_TERMINAL, Talk, talk_through
from agent.onsite.wizard import Place, Wizard
from agent.outbox.lock import FileLock
from agent.ports import Clock

_PIN_DIGITS: Final = 6


def commission(arguments: argparse.Namespace) -> int:
    """Raises `BadSetup`, and `Stopped` when the person leaves before the site file is written."""
    page = None if arguments.page is None else page_settings(arguments.page, arguments.pin, arguments.minutes)
    if page is None and sys.stdin is None:
        raise BadSetup("setup", "needs a terminal", hint=NO_TERMINAL)
    _check_folder(arguments.config)
    wizard = make_wizard(arguments.config, fresh=arguments.fresh)
    with _alone(wizard.place):
        asyncio.run(_in_terminal(wizard) if page is None else _as_page(wizard, page))
    return 0


def _check_folder(path: Path) -> None:
    """Raises `BadSetup`: what is asked for an hour must be written somewhere at the end."""
    if not path.parent.is_dir():
        raise BadSetup(str(path), f"there is no folder {path.parent}", hint="make it first, or name another --config")


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Nobody else sets this site up meanwhile: both would keep their answers in the same place."""
    config.make_folder(place.state)
    lock = FileLock(place.state / "setup", "another setup of this site is under way: leave it first")
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def make_wizard(path: Path, *, fresh: bool = False) -> Wizard:
    """The wizard of this site file: an earlier draft of it, else what the file says, else nothing yet."""
    table: dict[str, Any] = {}
    clock: Clock = SystemClock()
    if path.exists():
        table = config.read_toml(path)
        clock = config.load(path).clock
    state_text = str(table.get("device", {}).get("state", "state"))
    place = Place(path, path.parent / state_text, state_text)
    draft = None if fresh else load_draft(place.state)
    return Wizard(place, AgentBench(clock, path), clock, draft or _draft_of(table))


def _draft_of(table: dict[str, Any]) -> Draft:
    sources = []
    for source in table.get("source", []):
        own = dict(source)
        correct = own.pop("correct", {})
        try:
            sources.append(SourcePlan(own, msgspec.convert(correct, Change)))
        except msgspec.ValidationError as error:
            raise BadSetup(f"source {own.get('name')}", f"correct: {error}") from error
    return Draft(str(table.get("device", {}).get("id", "")), table.get("site", {}), tuple(sources))


async def _in_terminal(wizard: Wizard) -> None:
    try:
        async with Talk(sys.stdin, sys.stdout) as talk:
            await talk_through(wizard, talk)
    finally:
        await wizard.stop()


def page_settings(where: str, pin: str | None, minutes: float) -> PageSettings:
    """Raises `BadSetup`."""
    host, _, port = where.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise BadSetup("--page", f"got {where!r}, expected ADDRESS:PORT such as 192.168.1.5:8080")
    if pin is not None and (len(pin) < _PIN_DIGITS or not pin.isdigit()):
        raise BadSetup("--pin", f"expected at least {_PIN_DIGITS} digits")
    if not 0 < minutes <= 24 * 60:
        raise BadSetup("--for", f"got {minutes:g}, expected more than 0 and at most 1440 minutes")
    own = "".join(secrets.choice("0123456789") for _ in range(_PIN_DIGITS))
    return PageSettings(host.strip("[]"), int(port), pin or own, minutes * 60)


async def _as_page(wizard: Wizard, settings: PageSettings) -> None:
    try:
        async with Page(wizard, settings) as page:
            print(f"http://{settings.host}:{page.port}/  PIN {settings.pin}", flush=True)
            print(f"closes by itself after {settings.open_s / 60:g} minutes, or with Ctrl-C", flush=True)
            await page.until_closed()
    finally:
        await wizard.stop()
