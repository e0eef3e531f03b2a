"""Commands are rare: what carries them out is loaded with the first one, or where earlier ones have left their list."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.domain.wire import parse_topic, topic
from agent.ports import BrokerSession

if TYPE_CHECKING:
    from agent.errands import Home
    from agent.steering.command_log import CommandLog
    from agent.steering.orders import Note, Orders

# Said again here, since those who say it first are what is not loaded.
COMMANDS: Final = "cmd"  # agent.domain.commands.CMD
LIST: Final = "commands.db"  # agent.steering.command_log.FILE


class OnCall:
    """`agent.ports.Aside` of the device, whose list of commands is in the folder `state`."""

    def __init__(self, home: "Home", device: str, state: Path, note: "Note", knows_time: Callable[[], bool]) -> None:
        self._home = home
        self._device = device
        self._state = state
        self._note = note
        self._knows_time = knows_time
        self._called = asyncio.Event()
        self._made: tuple[Orders, CommandLog] | None = None

    @property
    def topics(self) -> Sequence[str]:
        """See `agent.ports.Aside`."""
        return [topic(self._device, f"{COMMANDS}/+")]

    def take(self, topic: str, payload: bytes) -> bool:
        """See `agent.ports.Aside`."""
        _, leaf = parse_topic(topic)
        if not leaf.startswith(f"{COMMANDS}/"):
            return False
        taken = self._orders().take(topic, payload)
        self._called.set()
        return taken

    async def speak(self, session: BrokerSession) -> None:
        """See `agent.ports.Aside`."""
        await self._first()
        await self._orders().speak(session)

    async def run(self) -> None:
        """Carry out what comes, for ever."""
        await self._first()
        await self._orders().run()

    def close(self) -> None:
        """Nothing more is written into the list. Harmless where there is none."""
        if self._made is not None:
            self._made[1].close()

    async def _first(self) -> None:
        """Until there is something to do: a command, or what an earlier run of the agent has to answer for."""
        if not await asyncio.to_thread((self._state / LIST).exists):
            await self._called.wait()

    def _orders(self) -> "Orders":
        if self._made is None:
            from agent.errands import errands
            from agent.steering.command_log import CommandLog
            from agent.steering.orders import Orders, OrdersSettings

            settings, listed = OrdersSettings(self._device), CommandLog(self._state)
            work, clock = errands(self._home), self._home.clock
            self._made = Orders(settings, listed, clock, work, self._note, self._knows_time), listed
        return self._made[0]
