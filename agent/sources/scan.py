"""Finds Modbus devices where a person says they may be, and asks who they are. It reads only."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.exceptionresponse import ExceptionResponse

from agent.sources.client import Client, Link
from agent.sources.fingerprints import (
    COMMON_WORDS,
    HIGH_FROM,
    LOW_WORDS,
    SUNSPEC_BASES,
    Identity,
    Probe,
    match_low,
    place_of,
    sunspec_identity,
)
from agent.sources.sunspec import MARKER

T = TypeVar("T")

_NOBODY: Final = (10, 11)
"""A gateway's word that there is no such unit behind it."""


@dataclass(frozen=True, slots=True)
class Found:
    """One unit that answered."""

    where: str
    unit: int
    identity: Identity


@dataclass(frozen=True, slots=True)
class ScanRules:
    """How gently to ask.

    timeout_s: how long an answer may take. pace_s: pause between requests to one device. everywhere: of a device that
    answers the lowest registers and is unknown, ask also what stands at 30000 and above.
    """

    timeout_s: float = 1.0
    pace_s: float = 0.1
    everywhere: bool = False


class _Silent(Exception):  # never leaves this file
    """No answer that could be understood."""


@dataclass
class _Asker:
    """One link to one place, opened again after any doubt."""

    link: Link
    rules: ScanRules
    client: Client | None = None
    heard: bool = False
    careful: bool = False
    _last: float = field(default=-1e9)

    async def words(self, unit: int, function: int, address: int, count: int) -> Sequence[int] | None:
        """The words; None when the unit has none there. Raises `_Silent`."""
        answer = await self._ask(lambda client: client.read(function, address, count, unit))
        registers = [] if isinstance(answer, ExceptionResponse) else answer.registers
        return registers if len(registers) == count else None

    async def objects(self, unit: int) -> Mapping[int, bytes]:
        """What function 43 tells: maker, product code, version and more by number; nothing where it is not known."""
        answer = await self._ask(lambda client: client.read_identity(unit))
        told = getattr(answer, "information", {})
        return {int(key): value for key, value in told.items() if isinstance(value, bytes)}

    async def _ask(self, call: Callable[[Client], Awaitable[ModbusPDU]]) -> ModbusPDU:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._last + self.rules.pace_s - loop.time()))
        answer: ModbusPDU | None = None
        try:
            async with asyncio.timeout(self.rules.timeout_s):
                answer = await call(await self._open())
        except (TimeoutError, ModbusException, OSError) as error:
            raise _Silent from error
        finally:
            self._last = loop.time()
            if answer is None:
                self.close()
        if isinstance(answer, ExceptionResponse) and answer.exception_code in _NOBODY:
            raise _Silent
        self.heard = True
        return answer

    async def reaches(self) -> bool:
        """Whether there is anybody to talk to at all."""
        try:
            async with asyncio.timeout(self.rules.timeout_s):
                await self._open()
        except (TimeoutError, _Silent, OSError):
            self.close()
            return False
        return True

    async def _open(self) -> Client:
        if self.client is None or not self.client.connected:
            self.close()
            self.client = self.link.client(self.rules.timeout_s, lambda _: None)
            if not await self.client.connect():
                raise _Silent
        return self.client

    def close(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            client.close()


@contextlib.asynccontextmanager
async def _asking(link: Link, rules: ScanRules) -> AsyncIterator[_Asker]:
    asker = _Asker(link, rules)
    try:
        yield asker
    finally:
        asker.close()


async def scan_link(
    link: Link,
    units: Sequence[int],
    probes: Sequence[Probe],
    rules: ScanRules,
    *,
    first_only: bool,
    progress: Callable[[int], None],
) -> list[Found]:
    """Who answers on this link. `first_only` ends with the first unit that is known; `progress` hears each unit.

    Of a place that is not known at all the first unit that answers is given. Where nobody listens: one time-out.
    """
    found: list[Found] = []
    async with _asking(link, rules) as asker:
        for unit in units:
            progress(unit)
            asker.heard = False
            if not await asker.reaches():
                return found
            identity = await _identify(asker, unit, probes)
            if identity is not None:
                found.append(Found(str(link), unit, identity))
                if first_only and identity.how:
                    return found
    return _without_doubles(found) if first_only else found


def _without_doubles(found: Sequence[Found]) -> list[Found]:
    """Of units that answer and are not known the first: many devices answer to every number."""
    unknown = [each for each in found if not each.identity.how]
    return [each for each in found if each.identity.how] or unknown[:1]


async def _identify(asker: _Asker, unit: int, probes: Sequence[Probe]) -> Identity | None:
    """Who this unit is: an empty identity where it answers and nothing is known of it, None where nobody answers."""
    low = await _unless_silent(asker.words(unit, 3, 0, LOW_WORDS))
    known = None if low is None else match_low(probes, low)
    if known is not None:
        return known
    objects = await _unless_silent(asker.objects(unit)) or {}
    if not asker.heard:
        return None
    # Other units of the place may be the same device.
    asker.careful |= low is not None and not asker.rules.everywhere
    found = None if asker.careful else await _by_sunspec(asker, unit)
    return found or await _by_probes(asker, unit, probes) or _by_objects(objects)


async def _unless_silent(answer: Awaitable[T]) -> T | None:
    try:
        return await answer
    except _Silent:
        return None


async def _by_sunspec(asker: _Asker, unit: int) -> Identity | None:
    for base in SUNSPEC_BASES:
        marker = await _unless_silent(asker.words(unit, 3, base, 2))
        if marker is not None and tuple(marker) == MARKER:
            # The last word of model 1 is padding that some leave out.
            common = await _unless_silent(asker.words(unit, 3, base + 4, COMMON_WORDS - 1))
            return sunspec_identity(common or ())
    return None


async def _by_probes(asker: _Asker, unit: int, probes: Sequence[Probe]) -> Identity | None:
    asked: dict[tuple[int, int, int], Sequence[int] | None] = {}
    for probe in probes:
        if (asker.careful and probe.highest >= HIGH_FROM) or probe.unit not in (None, unit):
            continue
        words: Sequence[int] | None = None
        for entry in probe.entries:
            place = place_of(entry)
            if place not in asked:
                asked[place] = await _unless_silent(asker.words(unit, *place))
            words = asked[place]
            if words is None or not probe.fits(entry, words):
                break
        else:
            return probe.identity(words or ())
    return None


def _by_objects(objects: Mapping[int, bytes]) -> Identity:
    """What function 43 told; an empty identity where it told nothing."""
    texts = {key: value.decode("latin-1").strip("\0 ") for key, value in objects.items()}
    if not texts:
        return Identity()
    model = texts.get(5) or texts.get(1, "")
    return Identity(texts.get(0, ""), model, "", texts.get(2, ""), "", "identification")
