"""A Modbus device as a source: planned block reads, one at a time, and a fresh connection after any doubt.

Time-outs and pauses here are real seconds: the device's time does not run faster when the agent's clock does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

import msgspec
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.exceptionresponse import ExceptionResponse

from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.signals import Equipment, Quality, Reading, SignalName
from agent.ports import Clock
from agent.sources.answers import Answer, Decoder, MapMoved, identity_texts
from agent.sources.client import Client, Link
from agent.sources.fingerprint import matches, mismatch
from agent.sources.guards import Guards, Poll
from agent.sources.planning import Block, ReadRules, plan_reads, rules_of, spans_of, with_guards
from agent.sources.profile import COIL_FUNCTIONS, Layout, Profile, bind_absolute, signals_of
from agent.sources.sunspec import NEVER, Model, Refused, discover, locate, rules_in

_ILLEGAL_ADDRESS: Final = 2
_WRITE_ONE: Final = 6
_BUSY: Final = frozenset({5, 6})
_NOBODY: Final = frozenset({10, 11})
_ASK_AGAIN: Final = 60
"""Reads after which a part that the device did not have is asked for again."""


class _Bound(msgspec.Struct, frozen=True):
    """What is known of the device. It outlives a lost connection: guards tell if another map answers."""

    layout: Layout
    rules: ReadRules
    blocks: tuple[Block, ...]
    decoder: Decoder
    guards: Guards


class ModbusSource:
    """One device behind a Modbus link, read by its profile.

    unit: its station number, unset takes the profile's. more_units: further units of the same device: of a SunSpec one
    in any order (a Fronius meter), else in the order of the profile's stations, 0 for one that is not there.
    wanted: only these signals are given; unset gives all.
    timeout_s: real seconds per request, unset takes the profile's.
    Raises `BadSetup` for more units than the profile has stations.
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
        if profile.kind != "sunspec" and len(more_units) > len(profile.station):
            known = ", ".join(station.name for station in profile.station)
            expected = f"at most one each for {known}" if known else "none, its profile has one unit only"
            raise BadSetup(f"source {name}", f"more_units: expected {expected}")
        self._name = name
        self._profile = profile
        self._link = link
        self._clock = clock
        self._units = (profile.limits.unit if unit is None else unit, *more_units)
        self._wanted = wanted
        self._timeout_s = profile.limits.timeout_s if timeout_s is None else timeout_s
        self._lock = asyncio.Lock()
        self._client: Client | None = None
        self._bound: _Bound | None = None
        self._stations = {s.name: u for s, u in zip(profile.station, more_units, strict=False) if u}
        self._illegal: frozenset[Block] | None = None
        self._reads = 0
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
            refusals: dict[Block, int] = {}
            self._reads += 1
            at_ms, answers = await self._ask(bound.blocks, refusals)
            self._consider(bound, refusals)
            try:
                poll = self._poll(bound, at_ms, answers, refusals)
                doubtful = bound.guards.doubts(poll)
                again = await self._second(bound, poll, doubtful, refusals) if doubtful else None
                numbers = bound.guards.judge(poll, again, doubtful)
            except MapMoved:
                self._bound = None
                raise SourceUnavailable(self._name, "its register map has changed; it is explored again") from None
            values, bad = bound.decoder.compose(numbers, bound.guards.known)
            self._signals = frozenset((*values, *bad))
            return Reading(at_ms, values, bad)

    async def _ask(self, blocks: Sequence[Block], refusals: dict[Block, int]) -> tuple[int, list[Answer]]:
        """These requests, one after the other, and when the first answer came; what was refused is added."""
        absent = self._illegal if self._illegal is not None and self._reads % _ASK_AGAIN else frozenset()
        at_ms = 0
        answers: list[Answer] = []
        for block in blocks:
            if block in absent:
                refusals[block] = _ILLEGAL_ADDRESS
                answers.append(Quality.INVALID)
                continue
            try:
                answers.append(await self._request(block.unit, block.function, block.address, block.count))
            except Refused as refused:
                refusals[block] = refused.code
                answers.append(Quality.INVALID if refused.code in NEVER else Quality.MISSING)
            at_ms = at_ms or self._clock.now_ms()
        return at_ms, answers

    async def _second(self, bound: _Bound, poll: Poll, doubtful: Collection[int], refusals: dict[Block, int]) -> Poll:
        """What the guards doubt is read once more."""
        blocks = [block for index, block in enumerate(bound.blocks) if index in doubtful]
        fresh = dict(zip(blocks, (await self._ask(blocks, refusals))[1], strict=True))
        answers = [fresh.get(block, answer) for block, answer in zip(bound.blocks, poll.answers, strict=True)]
        return self._poll(bound, poll.at_ms, answers, refusals)

    @staticmethod
    def _poll(bound: _Bound, at_ms: int, answers: Sequence[Answer], refusals: Mapping[Block, int]) -> Poll:
        numbers = bound.decoder.numbers(answers)
        refused = frozenset(i for i, b in enumerate(bound.blocks) if refusals.get(b) == _ILLEGAL_ADDRESS)
        return Poll(at_ms, answers, numbers, bound.decoder.empty(answers, numbers), refused)

    async def raw_read(self, unit: int, function: int, address: int, count: int) -> Sequence[int]:
        """Words or bits as they are, for another master of the house; it waits its turn like a read.

        Raises `Refused` with the device's own exception, or `SourceUnavailable`.
        """
        async with self._lock:
            if self._client is None or not self._client.connected:
                await self._connect()
            return await self._request(unit, function, address, count)

    async def raw_write(self, unit: int, function: int, address: int, values: Sequence[int]) -> None:
        """Another master's wish, function 6 or 16. The agent itself never writes. Raises as `raw_read` does."""

        def call(client: Client) -> Awaitable[ModbusPDU]:
            if function == _WRITE_ONE:
                return client.write_word(address, values[0], unit)
            return client.write_words(address, values, unit)

        async with self._lock:
            if self._client is None or not self._client.connected:
                await self._connect()
            await self._exchange(call)

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
        else:
            self._illegal &= illegal
        if len(refusals) == len(bound.blocks) and not NEVER.issuperset(refusals.values()):
            block, code = next(iter(refusals.items()))
            raise SourceUnavailable(self._name, _refusal("refused every request", Refused(code), block.unit))

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
        await asyncio.sleep(self._profile.limits.after_connect_ms / 1000)

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
            await self._check_kind()
            layout = bind_absolute(profile, self._units[0], self._stations)
            rules = rules_of(profile.limits, self._units[0], self._stations)
        blocks = plan_reads(with_guards(spans_of(layout.fields, rules), layout.guards, rules), rules)
        decoder = Decoder(profile, layout, blocks, self._wanted)
        return _Bound(layout, rules, blocks, decoder, Guards(decoder, len(blocks)))

    async def _check_kind(self) -> None:
        """The device is of the profile's family, where the profile insists on knowing."""
        for entry in self._profile.fingerprint:
            if not entry.required:
                continue
            try:
                words = await self._request(self._units[0], entry.function, entry.address, entry.width)
            except Refused as refused:
                reason = _refusal(f"refused register {entry.address}", refused, self._units[0])
                raise SourceUnavailable(self._name, reason) from None
            if not matches(entry, words, self._profile.order):
                raise SourceUnavailable(self._name, mismatch(self._profile, entry, words))

    async def _explore(self) -> list[Model]:
        models: list[Model] = []
        unit = self._units[0]
        try:
            for unit in self._units:
                models += await discover(self._request, self._profile, unit)
        except Refused as refused:
            raise SourceUnavailable(self._name, _refusal("refused to be explored", refused, unit)) from None
        if not models:
            bases = ", ".join(str(base) for base in self._profile.bases)
            raise SourceUnavailable(self._name, f"no SunSpec marker at {bases}; is Modbus enabled on the device?")
        return models

    async def _request(self, unit: int, function: int, address: int, count: int) -> Sequence[int]:
        """One request and its answer; once more where the profile says that a busy device may be asked again."""
        try:
            return await self._request_once(unit, function, address, count)
        except Refused as refused:
            if refused.code not in _BUSY or not self._profile.limits.busy_retry_ms:
                raise
        await asyncio.sleep(self._profile.limits.busy_retry_ms / 1000)
        return await self._request_once(unit, function, address, count)

    async def _request_once(self, unit: int, function: int, address: int, count: int) -> Sequence[int]:
        """One read and its answer."""
        answer = await self._exchange(lambda client: client.read(function, address, count, unit))
        words = _content(answer, function, count)
        if words is None:
            self._drop()
            raise SourceUnavailable(self._name, f"the answer does not fit the request for {count} from {address}")
        return words

    async def _exchange(self, call: Callable[[Client], Awaitable[ModbusPDU]]) -> ModbusPDU:
        """One request and its answer. Whatever leaves the stream in doubt closes the connection."""
        client = self._client
        if client is None:
            raise SourceUnavailable(self._name, "the connection was lost")
        await self._pause()
        answer: ModbusPDU | None = None
        try:
            async with asyncio.timeout(self._timeout_s) as self._waiting:
                answer = await call(client)
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
        return answer

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


def _refusal(what: str, refused: Refused, unit: int) -> str:
    told = f"{what}, Modbus exception {refused.code}"
    return f"{told}: nothing there under unit {unit}" if refused.code in _NOBODY else told


def _content(answer: ModbusPDU, function: int, count: int) -> Sequence[int] | None:
    """The words or bits of an answer, or None if it is not the answer to this request."""
    if answer.function_code != function:
        return None
    if function in COIL_FUNCTIONS:
        # Bits travel in whole bytes.
        padded = (count + 7) // 8 * 8
        return [int(bit) for bit in answer.bits[:count]] if len(answer.bits) == padded else None
    return answer.registers if len(answer.registers) == count else None
