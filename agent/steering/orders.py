"""Commands: each runs at most once, is refused after its expiry, and always ends in a reply."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from agent.domain.commands import (
    CMD,
    MAX_LIFE_MS,
    Command,
    CommandName,
    Outcome,
    Reply,
    check_command,
    command_of,
    decode_command,
    decode_reply,
    encode_reply,
    reply_topic,
)
from agent.domain.errors import BadInput, BadMessage, EmberwattError, Transient, UplinkUnavailable
from agent.domain.wire import parse_topic, topic
from agent.ports import BrokerSession, Clock
from agent.steering.command_log import CommandLog

EVENT: Final = "command"
_MAX_REASON: Final = 500
_log: Final = logging.getLogger("emberwatt.commands")


class Unsupported(BadInput):
    """This agent cannot do that."""


class Done(msgspec.Struct, frozen=True):
    """What a command gave; `then` is called once the reply is out, or `OrdersSettings.farewell_s` later."""

    result: dict[str, Any] = {}
    then: Callable[[], None] | None = None


Work = Callable[[Mapping[str, Any]], Awaitable[Done]]
Note = Callable[[str, Mapping[str, str | int]], Awaitable[None]]


class OrdersSettings(msgspec.Struct, frozen=True):
    """Real seconds: how long a command may take, how long to wait for a clock that is not set, and for the last reply
    before a restart. More than `waiting` commands at a time are left to be sent again."""

    device: str
    limit_s: float = 120.0
    clock_s: float = 300.0
    farewell_s: float = 5.0
    waiting: int = 100


class Orders:
    """`agent.ports.Aside`: hears commands, says replies. `run` carries them out, one after the other."""

    def __init__(
        self,
        settings: OrdersSettings,
        log: CommandLog,
        clock: Clock,
        work: Mapping[CommandName, Work],
        note: Note,
        knows_time: Callable[[], bool] = lambda: True,
    ) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock
        self._work = work
        self._note = note
        self._knows_time = knows_time
        self._queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(settings.waiting)
        self._replies = asyncio.Event()
        self._told = asyncio.Event()
        self._unkept: dict[str, bytes] = {}

    @property
    def topics(self) -> Sequence[str]:
        """See `agent.ports.Aside`."""
        return [topic(self._settings.device, f"{CMD}/+")]

    def take(self, topic: str, payload: bytes) -> bool:
        """See `agent.ports.Aside`."""
        _, leaf = parse_topic(topic)
        if not leaf.startswith(f"{CMD}/"):
            return False
        identifier = command_of(leaf)
        if identifier is None:
            raise BadMessage(f"topic {topic!r} does not name a command")
        if self._queue.full():
            _log.warning("command %s: too many wait, it has to be sent again", identifier)
        else:
            self._queue.put_nowait((identifier, payload))
        return True

    async def speak(self, session: BrokerSession) -> None:
        """See `agent.ports.Aside`: replies, until the broker has each."""
        while True:
            self._replies.clear()
            try:
                await self._say(session)
            except UplinkUnavailable:
                raise
            except Transient as error:
                _log.warning("replies wait: %s", error)
            self._told.set()
            await self._replies.wait()

    async def _say(self, session: BrokerSession) -> None:
        device = self._settings.device
        while self._unkept:
            identifier, reply = next(iter(self._unkept.items()))
            await session.publish(reply_topic(device, identifier), reply)
            self._unkept.pop(identifier, None)
        while waiting := await asyncio.to_thread(self._log.untold, self._clock.now_ms()):
            for identifier, reply in waiting:
                await session.publish(reply_topic(device, identifier), reply)
                await asyncio.to_thread(self._log.told, identifier, self._clock.now_ms())

    async def run(self) -> None:
        """Carry out what comes, for ever."""
        for identifier, name, who, reply in await asyncio.to_thread(self._log.interrupt, self._clock.now_ms()):
            await self._write_down(identifier, name, who, decode_reply(reply))
        self._replies.set()
        while True:
            identifier, payload = await self._queue.get()
            try:
                await self._one(identifier, payload)
            except Transient as error:
                # Nothing ran that is not written down: it may come again.
                reason = f"its disk takes no note of it: {error}"[:_MAX_REASON]
                self._answer_unkept(identifier, Reply(Outcome.REFUSED, self._clock.now_ms(), reason))

    def _answer_unkept(self, identifier: str, reply: Reply) -> None:
        self._unkept[identifier] = encode_reply(reply)
        self._replies.set()

    async def _one(self, identifier: str, payload: bytes) -> None:
        seen = await asyncio.to_thread(self._log.seen, identifier, self._clock.now_ms())
        if seen is not None:
            if seen.reply is not None:
                await asyncio.to_thread(self._log.told, identifier, self._clock.now_ms(), told=False)
                self._replies.set()
            return
        try:
            command = decode_command(payload)
        except BadMessage as error:
            self._answer_unkept(identifier, Reply(Outcome.REFUSED, self._clock.now_ms(), error.reason[:_MAX_REASON]))
            return
        refusal = await self._refusal(command)
        await asyncio.to_thread(self._log.begin, identifier, command, self._clock.now_ms())
        done = Done()
        if refusal is None:
            refusal, done = await self._carried_out(command)
        await self._end(identifier, command, refusal)
        if done.then is not None:
            await self._farewell()
            done.then()

    async def _refusal(self, command: Command) -> Reply | None:
        """Why it cannot even begin."""
        if not await self._time_known():
            return self._reply(Outcome.REFUSED, "this device does not know what time it is")
        now_ms = self._clock.now_ms()
        if command.expires_ms <= now_ms:
            return self._reply(Outcome.EXPIRED, f"expired {(now_ms - command.expires_ms) / 1000:.0f} s ago")
        if command.expires_ms > now_ms + MAX_LIFE_MS:
            return self._reply(Outcome.REFUSED, "it would stay valid for more than a year")
        lost_ms = await asyncio.to_thread(self._log.lost_ms, self._clock.now_ms())
        if command.issued_ms <= lost_ms:
            reason = "asked before this device lost its list of commands; it may have run already"
            return self._reply(Outcome.INTERRUPTED, reason)
        return None

    async def _carried_out(self, command: Command) -> tuple[Reply, Done]:
        try:
            name = check_command(command.name, command.args)
            work = self._work.get(name)
            if work is None:
                raise Unsupported(f"{name}: not supported by this agent")
            async with asyncio.timeout(self._settings.limit_s):
                done = await work(command.args)
        except Unsupported as error:
            return self._reply(Outcome.UNSUPPORTED, str(error)), Done()
        except BadInput as error:
            return self._reply(Outcome.REFUSED, str(error)), Done()
        except EmberwattError as error:
            return self._reply(Outcome.FAILED, str(error)), Done()
        except TimeoutError:
            return self._reply(Outcome.FAILED, f"took longer than {self._settings.limit_s:g} s"), Done()
        return self._reply(Outcome.DONE, "", done.result), done

    def _reply(self, state: Outcome, reason: str, result: dict[str, Any] | None = None) -> Reply:
        return Reply(state, self._clock.now_ms(), reason[:_MAX_REASON], result or {})

    async def _end(self, identifier: str, command: Command, reply: Reply) -> None:
        try:
            await asyncio.to_thread(self._log.end, identifier, reply)
        except Transient as error:
            # It did run, and the log knows that it began: a copy of it gets "interrupted" at worst.
            _log.warning("%s", error)
            self._answer_unkept(identifier, reply)
        self._told.clear()
        self._replies.set()
        await self._write_down(identifier, command.name[:40], command.by, reply)

    async def _write_down(self, identifier: str, name: str, who: str, reply: Reply) -> None:
        """Who asked and how it ended, in the journal; after a kill at the wrong instant it stands there twice."""
        detail = {"id": identifier, "name": name, "by": who, "state": str(reply.state)}
        await self._note(EVENT, detail | ({"reason": reply.reason} if reply.reason else {}))
        with suppress(Transient):
            await asyncio.to_thread(self._log.noted, identifier, self._clock.now_ms())

    async def _farewell(self) -> None:
        try:
            async with asyncio.timeout(self._settings.farewell_s):
                await self._told.wait()
        except TimeoutError:
            return

    async def _time_known(self) -> bool:
        until = asyncio.get_running_loop().time() + self._settings.clock_s
        while not self._knows_time():
            if asyncio.get_running_loop().time() >= until:
                return False
            await asyncio.sleep(0.2)
        return True
