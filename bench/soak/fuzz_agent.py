"""10,000 wrong messages to a running agent: acknowledgements, wishes and commands that cannot be."""

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import aiomqtt

from agent.domain.commands import CommandName, Outcome, command_topic, decode_reply, parse_reply_topic
from agent.domain.wire import ACK, TWIN_DESIRED, topic
from bench.soak import mutate
from bench.soak.case import Context, require
from bench.soak.case import Outcome as Told
from bench.soak.stack import needs_mosquitto
from tests.helpers.whole_home import DEVICE, WholeHome, whole_home

_GOOD: Final[dict[str, Any]] = {"poll": {"interval_s": 1}}
_OUTSTANDING: Final = 40
_REPLY_S: Final = 60.0
_FOR_EVER_MS: Final = 2**53
_ENDS: Final = {Outcome.REFUSED, Outcome.EXPIRED, Outcome.UNSUPPORTED}


def run(context: Context) -> Told:
    """One agent that reads a heating controller, its real broker and aggregator beside it."""
    needs_mosquitto()
    count = 200 if context.short else 10_000
    with whole_home(context.folder, probation_s=2.0) as home:
        good = home.desire(_GOOD)
        home.until_config(good, "applied")
        flood = _Flood(home, random.Random(context.seed))
        asyncio.run(flood.run(count))
        _still_well(home, good)
        require(home.agent.stop(signal.SIGTERM) == 0, home.agent.said()[-500:])
        require("Traceback" not in home.agent.said(), home.agent.said()[-2000:])
        require("Traceback" not in home.cloud.said(), home.cloud.said()[-2000:])
    ends = ", ".join(f"{number:,} {state}" for state, number in sorted(flood.ended.items()))
    happened = (
        f"no crash, no restart; the good configuration in force throughout, the controller read on; none of the "
        f"commands ran, every one that could be answered was, once ({ends})"
    )
    return Told(f"{count:,} messages", happened)


def _still_well(home: WholeHome, good: int) -> None:
    """The good configuration is in force, and readings go on."""
    require(not home.agent.ended(), home.agent.said()[-500:])
    before = _document(home)
    require(before["config"].get("good", before["config"]["version"]) == good, str(before["config"]))
    require(before["agent"]["starts"] == 1, f"started {before['agent']['starts']} times")
    home.until("another reading", lambda: _document(home)["last"]["at_ms"] > before["last"]["at_ms"])


def _document(home: WholeHome) -> dict[str, Any]:
    """The twin as the agent has it now."""
    status, row = home.call("POST", f"/devices/{DEVICE}/commands", {"name": "logs", "by": "soak"})
    require(status == 201, str(row))
    path = f"/devices/{DEVICE}/commands/{row['id']}"
    home.until("an answer", lambda: home.get(path)["ended"] is not None)
    document: dict[str, Any] = home.get(path)["result"]["document"]
    return document


class _Flood:
    """Sends, and counts how commands end."""

    def __init__(self, home: WholeHome, chance: random.Random) -> None:
        self._home = home
        self._chance = chance
        self._waiting: set[str] = set()
        self._answered = asyncio.Event()
        self.ended = Counter[str]()

    async def run(self, count: int) -> None:
        async with aiomqtt.Client("127.0.0.1", self._home.broker.port, max_inflight_messages=100) as client:
            await client.subscribe(topic(DEVICE, "cmd/+/reply"), qos=1)
            listening = asyncio.create_task(self._listen(client))
            for number in range(count):
                where, payload = self._message(number)
                await client.publish(where, payload, qos=1, timeout=60)
                while len(self._waiting) >= _OUTSTANDING:
                    await self._answer()
            while self._waiting:
                await self._answer()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _answer(self) -> None:
        self._answered.clear()
        try:
            await asyncio.wait_for(self._answered.wait(), _REPLY_S)
        except TimeoutError as error:
            said = self._home.agent.said()[-500:]
            raise AssertionError(f"no answer to {sorted(self._waiting)[:3]}: {said}") from error

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            _, identifier = parse_reply_topic(message.topic.value)
            reply = decode_reply(bytes(message.payload))
            require(reply.state in _ENDS, f"{identifier}: {reply}")
            require(identifier in self._waiting, f"{identifier} was answered twice or never asked")
            self._waiting.remove(identifier)
            self.ended[reply.state] += 1
            self._answered.set()

    def _message(self, number: int) -> tuple[str, bytes]:
        share = self._chance.random()
        if share < 0.3:
            return topic(DEVICE, ACK), self._chance.choice(_WRONG_ACKS)(self._chance)
        if share < 0.6:
            return topic(DEVICE, TWIN_DESIRED), self._wish(number)
        if share < 0.65:
            return topic(DEVICE, f"cmd/{self._chance.choice(('x', 'A' * 20, 'a/b', '-' * 90))}"), b"{}"
        identifier = f"soak-{number:08}"
        self._waiting.add(identifier)
        return command_topic(DEVICE, identifier), self._command()

    def _wish(self, number: int) -> bytes:
        """No twin at all, or one that the site cannot run with."""
        if self._chance.random() < 0.5:
            return mutate.twin(self._chance)
        doc = self._chance.choice(_WRONG_WISHES)(self._chance)
        return _text({"version": 1_000 + number, "doc": doc})

    def _command(self) -> bytes:
        if self._chance.random() < 0.3:
            return mutate.damaged(json.dumps(_command(name="nobody-knows")).encode(), self._chance)
        return _text(self._chance.choice(_WRONG_COMMANDS)(self._chance))


def _command(**changed: Any) -> dict[str, Any]:
    return {"name": "identify", "by": "soak", "issued_ms": 1, "expires_ms": 4_000_000_000_000, "args": {}} | changed


def _text(document: object) -> bytes:
    """JSON; bytes that a mutation has put into it become text."""
    return json.dumps(document, default=lambda raw: bytes(raw).decode("latin-1")).encode()


_Wrong = Callable[[random.Random], Any]
_WRONG_ACKS: Final[tuple[Callable[[random.Random], bytes], ...]] = (
    lambda chance: chance.randbytes(chance.randint(0, 200)),
    lambda _: b"[" * 10_000,
    lambda chance: json.dumps({"epoch": "00" * 8, "through": chance.choice((-1, 0, 7, 2**62))}).encode(),
    lambda chance: json.dumps({"epoch": chance.choice((None, 7, "zz", "x" * 9_999)), "through": 1}).encode(),
    lambda chance: json.dumps({"epoch": "00" * 8, "through": chance.choice(("1", None, 1.5, 2**70))}).encode(),
    lambda _: json.dumps({"epoch": "00" * 8, "through": 1, "rejected": [[1, 2]]}).encode(),
    lambda _: json.dumps({"epoch": "00" * 8, "through": 1, "slow_s": "long"}).encode(),
)
_WRONG_WISHES: Final[tuple[_Wrong, ...]] = (
    lambda chance: {"poll": {"interval_s": chance.choice((0, -1, "60", [], 1e300, True, -1e-9))}},
    lambda chance: {"poll": chance.choice((7, "x", [60], True))},
    lambda chance: {f"section-{chance.randrange(10**6)}": mutate.anything(chance) or 1},
    lambda chance: {
        "sources": {"heating": {"profile": chance.choice(("", "../x.toml", "\0", "no-such", "/dev/zero"))}}
    },
    lambda chance: {"sources": {f"none-{chance.randrange(99)}": {"unit": 1}}},
    lambda chance: {"diagnosis": {"low_water_pressure": {"lowest": chance.choice(("low", -1e9, 1e9, {}))}}},
    lambda chance: {"site": {"timezone": chance.choice(("Europe/Nowhere", "", "../UTC", 7))}},
    lambda chance: {"device": {"id": f"home-{chance.randrange(9)}"}},
)
_WRONG_COMMANDS: Final[tuple[_Wrong, ...]] = (
    lambda chance: _command(name=chance.choice(("", "explode", "x" * 5_000, "READ-NOW", "read now"))),
    lambda chance: _command(name=chance.choice(tuple(CommandName)), expires_ms=chance.choice((0, 1, -1, "soon"))),
    lambda chance: _command(name=chance.choice(tuple(CommandName)), expires_ms=_FOR_EVER_MS),
    lambda chance: _command(name=chance.choice(tuple(CommandName)), args=chance.choice((7, [], "x", None))),
    lambda chance: _command(name=CommandName.INTERVAL, args={"interval_s": chance.choice((-1, 0, "1", None, 1e9))}),
    lambda _: _command(name=CommandName.RESEND, args={"from_ms": "yesterday", "to_ms": 7}),
    lambda chance: _command(name=CommandName.READ_NOW, args={"source": chance.choice(("cellar", "", 7, "x" * 300))}),
    lambda chance: _command(by=chance.choice(("", 7, None, "x" * 101))),
    lambda _: {"name": "identify"},
)
