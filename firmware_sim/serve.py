"""The command `emberwatt-sim serve`: one scenario as a Modbus device, until SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import math
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from firmware_sim.bus.framing import Framing
from firmware_sim.cellar import Cellar, cellar_of, open_line
from firmware_sim.choice import choose
from firmware_sim.clock import SimClock, instant_text
from firmware_sim.commands import instant_argument
from firmware_sim.control import Control
from firmware_sim.errors import BadArgument
from firmware_sim.live import LiveSite
from firmware_sim.scenario import load_scenario
from firmware_sim.site import Site

__all__ = ["LiveSite", "serve"]


def serve(arguments: argparse.Namespace) -> int:
    """`emberwatt-sim serve`. Raises `SimError` when the arguments or the port cannot be used."""
    cellar = _cellar(arguments)
    cellar.live.catch_up()
    asyncio.run(_serve(cellar, arguments))
    return 0


def _cellar(arguments: argparse.Namespace) -> Cellar:
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
    speech = choose(scenario, arguments.speaks, options_of(arguments.option))
    return cellar_of(scenario, Site(scenario, origin_ms, speech), clock)


def options_of(pairs: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE` texts as options. Raises `BadArgument`."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise BadArgument(f"--option {pair}: expected KEY=VALUE")
        found[key] = value
    return found


async def _serve(cellar: Cellar, arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    carrier = "rtu" if arguments.serial else "tcp" if arguments.framing == Framing.MBAP else Framing.RTU
    folder = None if arguments.serial_dir is None else Path(arguments.serial_dir)
    async with AsyncExitStack() as stack:
        address = (arguments.host, arguments.port)
        await open_line(stack, [cellar], carrier, arguments.serial_settings, folder, address)
        if arguments.control is not None:
            await stack.enter_async_context(Control(cellar, Path(arguments.control)))
        _announce(cellar, arguments)
        await stop.wait()


def _announce(cellar: Cellar, arguments: argparse.Namespace) -> None:
    now, line = instant_text(cellar.live.now_ms()), cellar.line
    facts: dict[str, Any] = {"unit_id": cellar.unit_id, "scenario": arguments.scenario, "now": now}
    if line is None:
        place = f"{arguments.host}:{cellar.port}"
        facts = {"host": arguments.host, "port": cellar.port, **facts}
    else:
        place = f"{line.tty} ({line.settings}; {line.by_id})"
        facts = {"tty": str(line.tty), "by_id": str(line.by_id), "serial": str(line.settings), **facts}
    facts |= {"family": cellar.live.family, "control": arguments.control}
    text = f"{place} unit {cellar.unit_id} {arguments.scenario} {now}"
    print(json.dumps(facts) if arguments.json else text, flush=True)
