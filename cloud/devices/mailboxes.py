"""What waits for devices that ask over HTTPS: one box per device, from its first question until it falls silent."""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final

from agent.domain.envelope import Letter
from agent.domain.errors import Transient

MOST_LETTERS: Final = 64
# A device that has missed three of its questions in a row, and a bit, is not there any more.
_MISSED: Final = 3
GRACE_S: Final = 30.0


class Gone(Transient):
    """A box that is not there: the aggregator was restarted, or the device was silent for too long."""


class Mailbox:
    """One device's letters. Retained ones are kept, the newest of each leaf; the others until it has them."""

    def __init__(self, now: float, again_s: float) -> None:
        self.name = secrets.token_hex(6)
        self.again_s = again_s
        self.seen = now
        self.news = asyncio.Event()
        self._number = 0
        self._kept: dict[str, Letter] = {}
        self._queue: deque[Letter] = deque(maxlen=MOST_LETTERS)

    def put(self, leaf: str, payload: bytes, retained: bool) -> None:
        """One more letter. Where more wait than anybody wants, the oldest is dropped: it can be asked for again.

        What waits already is not put in again: an order is sent until somebody replies.
        """
        if any(letter.leaf == leaf and letter.payload == payload for letter in self._queue):
            return
        self._number += 1
        letter = Letter(leaf, payload, retained, self._number)
        if retained:
            self._kept[leaf] = letter
        else:
            self._queue.append(letter)
        self.news.set()

    def keep(self, letter: Letter) -> None:
        """A retained letter from before this box; one that came meanwhile is newer."""
        if letter.leaf not in self._kept:
            self.put(letter.leaf, letter.payload, True)

    def inherit(self, before: "Mailbox") -> None:
        """Letters that the device may not have had over an earlier connection."""
        for letter in [*before._kept.values(), *before._queue]:
            self.put(letter.leaf, letter.payload, letter.retained)

    def after(self, number: int) -> list[Letter]:
        """What the device, which has everything up to `number`, does not have yet, in order."""
        while self._queue and self._queue[0].number <= number:
            self._queue.popleft()
        self.news.clear()
        letters = [*(letter for letter in self._kept.values() if letter.number > number), *self._queue]
        return sorted(letters, key=lambda letter: letter.number)

    @property
    def silent_after(self) -> float:
        """When the device must be overdue, in seconds of the loop's clock."""
        return self.seen + _MISSED * self.again_s


class Mailboxes:
    """All boxes. `time` is the event loop's, in seconds; `grace_s` is granted to devices that are overdue."""

    def __init__(self, time: Callable[[], float], grace_s: float = GRACE_S) -> None:
        self._time = time
        self._grace_s = grace_s
        self._boxes: dict[str, Mailbox] = {}
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._boxes)

    def open(self, device: str, again_s: float) -> Mailbox:
        """A new box, which takes the place of an older one: a device has one connection, as at a broker.

        Raises `Gone` when the end is near.
        """
        if self._closed:
            raise Gone("the aggregator stops")
        self._loop = asyncio.get_running_loop()
        box, before = Mailbox(self._time(), again_s), self._boxes.get(device)
        self._boxes[device] = box
        if before is not None:
            box.inherit(before)
            before.news.set()
        return box

    def find(self, device: str, name: str) -> Mailbox:
        """The box of that name, seen now. Raises `Gone`."""
        box = self._boxes.get(device)
        if box is None or box.name != name:
            raise Gone(f"no box {name[:20]!r} of {device}")
        box.seen = self._time()
        return box

    def is_open(self, device: str, box: Mailbox) -> bool:
        """Whether this is still the device's box."""
        return self._boxes.get(device) is box

    def send(self, device: str, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        """A letter for a device, if it has a box here. May be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, device, leaf, payload, retain)

    def _put(self, device: str, leaf: str, payload: bytes, retain: bool) -> None:
        box = self._boxes.get(device)
        if box is not None:
            box.put(leaf, payload, retain)

    def close(self, device: str) -> None:
        """The device said goodbye."""
        box = self._boxes.pop(device, None)
        if box is not None:
            box.news.set()

    def close_silent(self) -> list[str]:
        """Close the boxes of devices that are not heard of any more, and say whose."""
        now = self._time() - self._grace_s
        silent = [device for device, box in self._boxes.items() if box.silent_after < now]
        for device in silent:
            self.close(device)
        return silent

    def close_all(self) -> None:
        """Whoever waits is answered now, and nobody is let in any more."""
        self._closed = True
        for device in list(self._boxes):
            self.close(device)
