"""The command `emberwatt-sim serve`: one scenario as a Modbus TCP device, until SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import math
import signal
import time
from collections.abc import Sequence

from firmware_sim.clock import SimClock, instant_text
from firmware_sim.commands import Progress, instant_argument
from firmware_sim.errors import BadArgument
from firmware_sim.failures import Silence
from firmware_sim.families.family import family
from firmware_sim.families.speech import Speech, fits, speech_of
from firmware_sim.registers import Image
from firmware_sim.scenario import Scenario, load_scenario
from firmware_sim.server import ModbusServer
from firmware_sim.site import Site

CATCH_UP_MS = 86_400_000


class LiveSite:
    """A site at the clock's now. One image is kept per simulated second."""

    def __init__(self, site: Site, clock: SimClock) -> None:
        self._site = site
        self._clock = clock
        self._image: Image | None = None
        self._image_ms = -1

    @property
    def family(self) -> str:
        """The family that it speaks as."""
        return self._site.speech.family.name

    def now_ms(self) -> int:
        """Simulated now, in whole seconds."""
        return self._clock.now_ms(time.time_ns() // 1_000_000) // 1000 * 1000

    def image(self) -> Image:
        """All registers now."""
        now_ms = self.now_ms()
        if self._image is None or now_ms != self._image_ms:
            self._image, self._image_ms = self._site.image(now_ms), now_ms
        return self._image

    def silence(self) -> Silence | None:
        """How the device is unreachable now, if it is."""
        return self._site.silence(self.now_ms())

    def catch_up(self) -> None:
        """Steps the plant from its origin to now, so that the first request is answered at once."""
        progress, now_ms, origin_ms = Progress("catching up"), self.now_ms(), self._site.origin_ms
        for at_ms in range(origin_ms, now_ms, CATCH_UP_MS):
            self._site.image(at_ms)
            progress((at_ms - origin_ms) / (now_ms - origin_ms))
        self.image()
        progress.done()


def serve(arguments: argparse.Namespace) -> int:
    """`emberwatt-sim serve`. Raises `SimError` when the arguments or the port cannot be used."""
    live = _live_site(arguments)
    live.catch_up()
    asyncio.run(_serve(live, arguments))
    return 0


def _live_site(arguments: argparse.Namespace) -> LiveSite:
    origin_ms = instant_argument("--origin", arguments.origin)
    start_ms = origin_ms
    if arguments.live_start is not None:
        start_ms = instant_argument("--live-start", arguments.live_start)
    if start_ms < origin_ms:
        raise BadArgument(f"--live-start {arguments.live_start}: expected an instant at or behind --origin")
    if not math.isfinite(arguments.rate) or not 0 < arguments.rate <= 3600:
        raise BadArgument(f"--rate {arguments.rate:g}: expected more than 0 and at most 3600")
    if not 0 <= arguments.port <= 65535:
        raise BadArgument(f"--port {arguments.port}: expected 0 to 65535")
    wall_ms = time.time_ns() // 1_000_000 if arguments.wall_start is None else arguments.wall_start
    clock = SimClock(start_ms, wall_ms, arguments.rate, floor_ms=origin_ms)
    scenario = load_scenario(arguments.scenario)
    return LiveSite(Site(scenario, origin_ms, speech_for(scenario, arguments.speaks, arguments.option)), clock)


def speech_for(scenario: Scenario, name: str | None, options: Sequence[str]) -> Speech:
    """What a site speaks: its own way, or as the family `name`, with `KEY=VALUE` options. Raises `BadArgument`."""
    wanted = dict(_pair(option) for option in options)
    if name is None or name == scenario.speaks:
        return speech_of(scenario.speaks, {**scenario.options, **wanted}, scenario.equipment, scenario.unit_id)
    if not fits(family(name), scenario.heat is not None):
        raise BadArgument(f"--as {name}: {scenario.name} is a {scenario.kind}, which cannot speak as a {name}")
    return speech_of(name, wanted)


def _pair(option: str) -> tuple[str, str]:
    key, equals, value = option.partition("=")
    if not equals:
        raise BadArgument(f"--option {option}: expected KEY=VALUE")
    return key, value


async def _serve(live: LiveSite, arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with ModbusServer(arguments.host, arguments.port, live.image, live.silence) as server:
        _announce(live, arguments, server.port)
        await stop.wait()


def _announce(live: LiveSite, arguments: argparse.Namespace, port: int) -> None:
    now, units = instant_text(live.now_ms()), sorted(live.image().unit_ids)
    if arguments.json:
        line = {"host": arguments.host, "port": port, "unit_id": units[0], "scenario": arguments.scenario, "now": now}
        line["family"] = live.family
        print(json.dumps(line), flush=True)
    else:
        print(f"{arguments.host}:{port} unit {units[0]} {arguments.scenario} {now}", flush=True)
