"""A bad line between two network namespaces: whole packets are lost, late, queued or cut off.

Each end is a TUN device in a namespace of its own; what one end sends is read here, treated, and written to the other.
It does in user space what netem does in the kernel, so that it works where the kernel has none.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from bench.soak.case import Skipped

# linux/if_tun.h: an IP tunnel without a header before each packet.
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN_NO_PI: Final = 0x1001
_LONGEST_QUEUE_S: Final = 4.0
_MTU: Final = 1500


@dataclass(slots=True)
class Line:
    """How bad it is now, in each direction; may be changed at any time. `rate_bit_s` 0 is as fast as it goes."""

    loss: float = 0.0
    delay_s: float = 0.0
    rate_bit_s: float = 0.0
    cut: bool = False


@dataclass(slots=True)
class Passed:
    """Packets."""

    sent: int = 0
    lost: int = 0


class Link:
    """`with Link(seed).up() as link:` then `link.line`, and `link.inside(end, command)` for programs at an end."""

    def __init__(self, seed: int) -> None:
        self.line = Line()
        self.passed = Passed()
        self._names = tuple(f"ew{os.getpid() % 100_000}{end}" for end in "ab")
        self._chance = random.Random(seed)
        self._stop = threading.Event()

    address: Final = ("10.77.0.1", "10.77.0.2")

    def inside(self, end: int, command: list[str]) -> list[str]:
        """`command`, run in the namespace of that end (0 or 1)."""
        return ["ip", "netns", "exec", self._names[end], *command]

    @contextmanager
    def up(self) -> Iterator["Link"]:
        """Raises `Skipped` where namespaces or tunnels are not permitted."""
        with ExitStack() as stack:
            try:
                ends = [self._end(stack, end) for end in (0, 1)]
            except (OSError, subprocess.CalledProcessError) as error:
                told = getattr(error, "stderr", "") or str(error)
                raise Skipped(f"network namespaces and tunnels need root: {told.strip()}") from error
            relay = threading.Thread(target=self._relay, args=(ends,), daemon=True)
            relay.start()
            try:
                yield self
            finally:
                self._stop.set()
                relay.join(5)

    def _end(self, stack: ExitStack, end: int) -> int:
        name = self._names[end]
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        stack.callback(os.close, descriptor)
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN_NO_PI))
        _ip("netns", "add", name)
        stack.callback(_ip, "netns", "del", name)
        _ip("link", "set", name, "netns", name)
        here, there = self.address[end], self.address[1 - end]
        for words in (f"addr add {here} peer {there} dev {name}", f"link set {name} up", "link set lo up"):
            subprocess.run(self.inside(end, ["ip", *words.split()]), check=True, capture_output=True, text=True)
        return descriptor

    def _relay(self, ends: list[int]) -> None:
        """Until told to stop: each packet is lost, or leaves when the line is free and arrives `delay_s` later."""
        flying: list[tuple[float, int, int, bytes]] = []
        free_at, number = [0.0, 0.0], 0
        while not self._stop.is_set():
            now = time.monotonic()
            while flying and flying[0][0] <= now:
                _, _, end, packet = heapq.heappop(flying)
                if not self.line.cut:
                    with suppress(OSError):
                        os.write(ends[end], packet)
            timeout = min(0.1, flying[0][0] - now) if flying else 0.1
            for ready in select.select(ends, [], [], max(0.0, timeout))[0]:
                packet, end = os.read(ready, _MTU + 100), 1 - ends.index(ready)
                number += 1
                leaves = self._leaves(end, len(packet), free_at)
                if leaves is not None:
                    heapq.heappush(flying, (leaves + self.line.delay_s, number, end, packet))

    def _leaves(self, end: int, size: int, free_at: list[float]) -> float | None:
        """When the packet has left; None when it is lost."""
        now, line = time.monotonic(), self.line
        self.passed.sent += 1
        full = free_at[end] - now > _LONGEST_QUEUE_S
        if line.cut or full or self._chance.random() < line.loss:
            self.passed.lost += 1
            return None
        free_at[end] = max(now, free_at[end]) + (size * 8 / line.rate_bit_s if line.rate_bit_s else 0.0)
        return free_at[end]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
