"""A Modbus device as a source: planned block reads, one at a time, and a fresh connection after any doubt.

Time-outs and pauses here are real seconds: the device's time does not run faster when the agent's clock does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.exceptionresponse import ExceptionResponse

from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.signals import Equipment, Quality, Reading, SignalName
from agent.ports import Clock
from agent.sources.answers import Answer, Decoder, MapMoved, identity_texts
from agent.sources.links import Link
from agent.sources.planning import Block, ReadRules, plan_reads, rules_of, spans_of, with_guards
from agent.sources.profile import COIL_FUNCTIONS, Layout, Profile, bind_absolute, signals_of
from agent.sources.sunspec import NEVER, Model, Refused, discover, locate, rules_in

_ReadCall = Callable[..., Awaitable[ModbusPDU]]

_CALLS: Final[Mapping[int, _ReadCall]] = {
    1: ModbusBaseClient.read_coils,
    2: ModbusBaseClient.read_discrete_inputs,
    3: ModbusBaseClient.read_holding_registers,
    4: ModbusBaseClient.read_input_registers,
}

_ILLEGAL_ADDRESS: Final = 2


@dataclass(frozen=True, slots=True)
class _Bound:
    """What is known of the device. It outlives a lost connection: guards tell if another map answers."""

    layout: Layout
    rules: ReadRules
    blocks: tuple[Block, ...]
    decoder: Decoder


class ModbusSource:
    """One device behind a Modbus link, read by its profile.

    unit: its station number, unset takes the profile's. more_units: further units of the same device (a Fronius meter).
    wanted: only these signals are given; unset gives all.
    timeout_s: real seconds per request, unset takes the profile's.
    Raises `BadSetup` for more units where the profile has one.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        link: Link,
        *,
        clock: Clock,
        unit: int | None = None,
        more_units: Sequence[int] = (),
        wanted: frozenset[SignalName] | None = None,
        timeout_s: float | None = None,
    ) -> None:
        if more_units and profile.kind != "sunspec":
            raise BadSetup(f"source {name}", "more_units: expected none, its profile has one unit only")
        self._name = name
        self._profile = profile
        self._link = link
        self._clock = clock
        self._units = (profile.limits.unit if unit is None else unit, *more_units)
        self._wanted = wanted
        self._timeout_s = profile.limits.timeout_s if timeout_s is None else timeout_s
        self._lock = asyncio.Lock()
        self._client: ModbusBaseClient | None = None
        self._bound: _Bound | None = None
        self._illegal: frozenset[Block] | None = None
        self._signals = self._chosen(signals_of(profile))
        self._waiting: asyncio.Timeout | None = None
        self._answered_at = 0.0

    @property
    def name(self) -> str:
        return self._name

    @property
    def signals(self) -> frozenset[SignalName]:
        """What the profile promises, until the device has shown what it has."""
        return self._signals

    @property
    def timeout_s(self) -> float:
        """Real seconds that one request may take."""
        return self._timeout_s

    async def __aenter__(self) -> "ModbusSource":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._drop()

    async def read(self) -> Reading:
        """Every signal once, stamped when the first answer arrived."""
        async with self._lock:
            bound = await self._ready()
            at_ms = 0
            answers: list[Answer] = []
            refusals: dict[Block, int] = {}
            for block in bound.blocks:
                try:
                    answers.append(await self._request(block.unit, block.function, block.address, block.count))
                except Refused as refused:
                    refusals[block] = refused.code
                    answers.append(Quality.INVALID if refused.code in NEVER else Quality.MISSING)
                at_ms = at_ms or self._clock.now_ms()
            self._consider(bound, refusals)
            try:
                values, bad = bound.decoder.decode(answers)
            except MapMoved:
                self._bound = None
                raise SourceUnavailable(self._name, "its register map has changed; it is explored again") from None
            return Reading(at_ms, values, bad)

    async def identify(self) -> Equipment:
        """Maker, model, serial number and firmware as far as the device tells them."""
        async with self._lock:
            bound = await self._ready()
            blocks = plan_reads(spans_of(bound.layout.identity, bound.rules), bound.rules)
            answers: list[Answer] = []
            for block in blocks:
                try:
                    answers.append(await self._request(block.unit, block.function, block.address, block.count))
                except Refused:
                    answers.append(Quality.INVALID)
            texts = identity_texts(self._profile, bound.layout, blocks, answers)
            maker = texts.get("maker", self._profile.maker)
            return Equipment(maker, texts.get("model", ""), texts.get("serial", ""), texts.get("firmware", ""))

    def _consider(self, bound: _Bound, refusals: Mapping[Block, int]) -> None:
        """What refusals mean for the next read, and whether this one was an answer at all."""
        illegal = frozenset(block for block, code in refusals.items() if code == _ILLEGAL_ADDRESS)
        if self._illegal is None:
            self._illegal = illegal
        elif self._profile.kind == "sunspec" and not illegal <= self._illegal:
            # What was there is gone: the map has moved, after an update for instance. Explore it again.
            self._bound = None
        if len(refusals) == len(bound.blocks) and not NEVER.issuperset(refusals.values()):
            code = next(iter(refusals.values()))
            raise SourceUnavailable(self._name, f"refused every request, Modbus exception {code}")

    async def _ready(self) -> _Bound:
        """A live connection, and the device's layout."""
        if self._client is None or not self._client.connected:
            await self._connect()
        if self._bound is None:
            self._bound = await self._bind()
            self._illegal = None
            self._signals = self._chosen(self._bound.layout.signals)
        return self._bound

    async def _connect(self) -> None:
        self._drop()
        client = self._link.client(self._timeout_s, self._on_connect)
        self._client = client
        connected = False
        try:
            connected = await client.connect()
        finally:
            if not connected:
                self._drop()
        if not connected:
            raise SourceUnavailable(self._name, f"no connection to {self._link}")

    async def _bind(self) -> _Bound:
        profile = self._profile
        if profile.kind == "sunspec":
            models = await self._explore()
            layout = locate(profile, models, self._units[0])
            rules = rules_in(models, profile.limits, self._units[0])
            if not layout.signals:
                numbers = ", ".join(str(model.number) for model in models)
                raise SourceUnavailable(self._name, f"its SunSpec models hold no signal: {numbers}")
        else:
            layout, rules = bind_absolute(profile, self._units[0]), rules_of(profile.limits, self._units[0])
        blocks = plan_reads(with_guards(spans_of(layout.fields, rules), layout.guards, rules), rules)
        return _Bound(layout, rules, blocks, Decoder(profile, layout, blocks, self._wanted))

    async def _explore(self) -> list[Model]:
        try:
            models = [model for unit in self._units for model in await discover(self._request, self._profile, unit)]
        except Refused as refused:
            reason = f"refused to be explored, Modbus exception {refused.code}"
            raise SourceUnavailable(self._name, reason) from None
        if not models:
            bases = ", ".join(str(base) for base in self._profile.bases)
            raise SourceUnavailable(self._name, f"no SunSpec marker at {bases}; is Modbus enabled on the device?")
        return models

    async def _request(self, unit: int, function: int, address: int, count: int) -> Sequence[int]:
        """One request and its answer. Whatever leaves the stream in doubt closes the connection."""
        client = self._client
        if client is None:
            raise SourceUnavailable(self._name, "the connection was lost")
        await self._pause()
        answer: ModbusPDU | None = None
        try:
            async with asyncio.timeout(self._timeout_s) as self._waiting:
                answer = await _CALLS[function](client, address, count=count, device_id=unit)
        except TimeoutError:
            lost = not client.connected
            reason = "lost the connection" if lost else f"no answer within {self._timeout_s:g} s"
            raise SourceUnavailable(self._name, reason) from None
        except (ModbusException, OSError) as error:
            raise SourceUnavailable(self._name, str(error)) from error
        finally:
            self._waiting = None
            self._answered_at = asyncio.get_running_loop().time()
            if answer is None:
                self._drop()
        if isinstance(answer, ExceptionResponse):
            raise Refused(answer.exception_code)
        words = _content(answer, function, count)
        if words is None:
            self._drop()
            raise SourceUnavailable(self._name, f"the answer does not fit the request for {count} from {address}")
        return words

    async def _pause(self) -> None:
        gap_s = self._profile.limits.gap_ms / 1000
        if gap_s:
            wait_s = self._answered_at + gap_s - asyncio.get_running_loop().time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)

    def _on_connect(self, connected: bool) -> None:
        """The connection is of no more use while a request is under way: no need to wait for its time-out."""
        if not connected and self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    def _drop(self) -> None:
        """Close, so that a late answer meets nobody."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _chosen(self, signals: frozenset[SignalName]) -> frozenset[SignalName]:
        return signals if self._wanted is None else signals & self._wanted


def _content(answer: ModbusPDU, function: int, count: int) -> Sequence[int] | None:
    """The words or bits of an answer, or None if it is not the answer to this request."""
    if answer.function_code != function:
        return None
    if function in COIL_FUNCTIONS:
        # Bits travel in whole bytes.
        padded = (count + 7) // 8 * 8
        return [int(bit) for bit in answer.bits[:count]] if len(answer.bits) == padded else None
    return answer.registers if len(answer.registers) == count else None
