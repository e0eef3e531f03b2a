"""The grid meter at its P1 port. It talks every second, or every ten in versions before 5, unasked."""

import asyncio

from agent.domain.errors import BadInput, SourceUnavailable
from agent.domain.signals import (
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    Equipment,
    Quality,
    Reading,
    SignalName,
    spec_of,
)
from agent.ports import Clock
from agent.sources.line import Port
from agent.sources.listener import Listener
from agent.sources.p1_telegram import (
    Telegram,
    TelegramSplitter,
    grid_watts,
    maker_and_model,
    parse_telegram,
    register_wh,
    serial_of,
)

_ALL = frozenset((GRID_POWER, GRID_IMPORT_TOTAL, GRID_EXPORT_TOTAL))


class P1Source:
    """One meter at its P1 port; meters behind it (gas, water, heat) are passed over.

    wanted: only these signals; unset gives all that the meter has. timeout_s: real seconds to wait for a telegram.
    max_age_s: seconds of the clock that a telegram may be old; no telegram is given twice.
    """

    def __init__(
        self,
        name: str,
        port: Port,
        *,
        clock: Clock,
        wanted: frozenset[SignalName] | None = None,
        timeout_s: float = 20.0,
        max_age_s: float = 10.0,
    ) -> None:
        self._name = name
        self._clock = clock
        self._wanted = wanted
        self._timeout_s = timeout_s
        self._max_age_ms = round(max_age_s * 1000)
        self._lock = asyncio.Lock()
        self._listener = Listener(name, port, feed=self._hear, restart=self._restart)
        self._splitter = TelegramSplitter()
        self._newest: tuple[int, bytes] | None = None
        self._codes: frozenset[str] | None = None
        self._checked = False
        self._trouble = ""
        self._bound: frozenset[SignalName] | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def signals(self) -> frozenset[SignalName]:
        """What a meter can give, until this one has shown what it has."""
        own = _ALL if self._bound is None else self._bound
        return own if self._wanted is None else own & self._wanted

    async def __aenter__(self) -> "P1Source":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._listener.close()

    async def read(self) -> Reading:
        """The newest telegram, stamped when it had arrived. Raises `SourceUnavailable`."""
        at_ms, telegram = await self._next()
        found = {
            GRID_POWER: grid_watts(telegram),
            GRID_IMPORT_TOTAL: register_wh(telegram, 1),
            GRID_EXPORT_TOTAL: register_wh(telegram, 2),
        }
        if self._bound is None:
            self._bound = frozenset(signal for signal, value in found.items() if value is not None)
            if not self._bound:
                self._bound = None
                raise SourceUnavailable(self._name, "its telegram holds no electricity; is it another kind of meter?")
        values: dict[SignalName, float] = {}
        bad: dict[SignalName, Quality] = {}
        for signal in self.signals:
            value, spec = found[signal], spec_of(signal)
            if value is None or spec is None:
                bad[signal] = Quality.MISSING
            elif spec.low <= value <= spec.high:
                values[signal] = value
            else:
                bad[signal] = Quality.INVALID
        return Reading(at_ms, values, bad)

    async def identify(self) -> Equipment:
        """Maker's letters, model, number and the version of its telegrams. Raises `SourceUnavailable`."""
        _, telegram = await self._next()
        version = telegram.values.get("1-3:0.2.8") or telegram.values.get("0-0:96.1.4") or ("",)
        return Equipment(*maker_and_model(telegram), serial_of(telegram), version[-1])

    async def _next(self) -> tuple[int, Telegram]:
        async with self._lock:
            self._trouble = ""
            try:
                return await self._listener.wait(self._ready, self._timeout_s, "no telegram")
            except SourceUnavailable as unavailable:
                if self._trouble:
                    raise SourceUnavailable(self._name, self._trouble) from unavailable
                raise

    def _restart(self) -> None:
        self._splitter = TelegramSplitter()
        self._newest = None

    def _hear(self, data: bytes) -> None:
        for raw in self._splitter.feed(data):
            self._newest = self._clock.now_ms(), raw

    def _ready(self) -> tuple[int, Telegram] | None:
        """The newest telegram, if it is fresh and whole. Read only now: most telegrams are never asked for."""
        newest, self._newest = self._newest, None
        if newest is None or not 0 <= self._clock.now_ms() - newest[0] <= self._max_age_ms:
            return None
        try:
            telegram = parse_telegram(newest[1])
            self._check_numbers(telegram)
        except BadInput as error:
            self._trouble = str(error)
            return None
        return (newest[0], telegram) if self._believable(telegram) else None

    def _check_numbers(self, telegram: Telegram) -> None:
        grid_watts(telegram)
        register_wh(telegram, 1)
        register_wh(telegram, 2)

    def _believable(self, telegram: Telegram) -> bool:
        """Without a checksum a lost line shows only in this: the codes are not those of the telegram before."""
        if telegram.checked:
            self._checked = True
            return True
        if self._checked:
            self._trouble = "telegram: without the checksum that it had before"
            return False
        codes, self._codes = self._codes, frozenset(telegram.values)
        return codes == self._codes
