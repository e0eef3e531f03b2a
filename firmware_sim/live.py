"""A site at the clock's now, as the device at the end of a line."""

import time
from dataclasses import replace
from typing import Protocol

from firmware_sim.bus.faults import BusCode, FaultBook
from firmware_sim.failures import Silence
from firmware_sim.families.family import Clients
from firmware_sim.families.image import Quirk
from firmware_sim.progress import Progress
from firmware_sim.registers import Image
from firmware_sim.site import Site

CATCH_UP_MS = 86_400_000


class Clock(Protocol):
    """Simulated time from the wall's."""

    def now_ms(self, wall_ms: int) -> int: ...


class LiveSite:
    """A site at the clock's now. One image is kept per simulated second, and the one that was shown before it."""

    def __init__(self, site: Site, clock: Clock, book: FaultBook | None = None) -> None:
        self.site = site
        self.book = book if book is not None else FaultBook()
        self.gap_ms: int = site.speech.gap_ms
        self.clients: Clients = site.speech.clients
        self.clock = clock
        self._shown: tuple[int, Quirk, Image] | None = None
        self._before: Image | None = None
        self._stale = False

    @property
    def family(self) -> str:
        """The family that it speaks as."""
        return self.site.speech.family.name

    def now_ms(self) -> int:
        """Simulated now, in whole seconds."""
        return self.clock.now_ms(time.time_ns() // 1_000_000) // 1000 * 1000

    def image(self) -> Image:
        """All registers now."""
        now_ms = self.now_ms()
        quirk = self._quirk(now_ms)
        if self._shown is not None and not self._stale and self._shown[:2] == (now_ms, quirk):
            return self._shown[2]
        image = self.site.image(now_ms, quirk)
        if self._shown is not None and self._shown[0] != now_ms:
            self._before = self._shown[2]
        self._shown, self._stale = (now_ms, quirk, image), False
        return image

    def before(self) -> Image:
        """The registers that were shown before those of now; the same where nobody has looked yet."""
        now = self.image()
        return now if self._before is None else self._before

    def changed(self) -> None:
        """Something was switched: what was computed for now no longer holds."""
        self._stale = True

    def silence(self) -> Silence | None:
        """How the device is unreachable now, if it is."""
        return self.site.silence(self.now_ms())

    def dark(self) -> bool:
        """Whether it is night at the panels; a heating site has none."""
        return self._dark(self.now_ms())

    def _dark(self, at_ms: int) -> bool:
        watts = self.site.facts(at_ms).get("p_pv")
        return isinstance(watts, float) and watts <= 0.0

    def _quirk(self, at_ms: int) -> Quirk:
        quirk = Quirk()
        for striking in self.book.active(at_ms):
            fault = striking.fault
            match fault.code:
                case BusCode.SCALE_MOVES if not self._dark(at_ms):
                    quirk = replace(quirk, scale_step=fault.words)
                case BusCode.MOVED:
                    quirk = replace(quirk, moved=fault.words)
                case BusCode.SIGN:
                    quirk = replace(quirk, turned=quirk.turned | {fault.form})
                case BusCode.FIRMWARE:
                    key, _, value = fault.option.partition("=")
                    quirk = replace(quirk, options=(*quirk.options, (key, value)))
                case _:
                    pass
        return quirk

    def catch_up(self) -> None:
        """Steps the plant from its origin to now, so that the first request is answered at once."""
        progress, now_ms, origin_ms = Progress("catching up"), self.now_ms(), self.site.origin_ms
        for at_ms in range(origin_ms, now_ms, CATCH_UP_MS):
            self.site.image(at_ms)
            progress((at_ms - origin_ms) / (now_ms - origin_ms))
        self.image()
        progress.done()
