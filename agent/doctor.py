"""`emberwatt-agent doctor`: looks at everything that an agent needs, and says what to do."""

import argparse
import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from agent import config
from agent.config import AgentSettings
from agent.doctor_checks import (
    Check,
    check_agent,
    check_certificate,
    check_clock,
    check_devices,
    check_disk,
    check_journal,
    check_uplink,
    check_wishes,
    is_running,
    site_check,
)
from agent.domain.errors import BadSetup

_EXIT: Final = {"ok": 0, "warn": 0, "away": 1, "fail": 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-agent doctor`."""
    parser.add_argument(
        "--config", type=Path, default=Path("site.toml"), metavar="SITE.toml", help="site file (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    """0 when it can work, 1 when something is away now, 2 when a person must put something right."""
    checks = _checks(arguments.config)
    if arguments.json:
        print(json.dumps([asdict(check) for check in checks], indent=2, ensure_ascii=False))
    else:
        print("\n".join(line for check in checks for line in _lines(check)))
    return max(_EXIT[check.state] for check in checks)


def _checks(path: Path) -> list[Check]:
    try:
        settings = config.load(path)
    except BadSetup as problem:
        return [Check("site file", "fail", str(problem), problem.hint or "put that right first; emberwatt-agent setup")]
    return asyncio.run(_look(path, settings))


async def _look(path: Path, settings: AgentSettings) -> list[Check]:
    running = is_running(settings)
    return [
        site_check(path, settings),
        check_agent(running),
        check_wishes(settings),
        check_disk(settings),
        check_journal(settings),
        check_clock(settings),
        *await check_devices(settings, running),
        check_certificate(settings),
        await check_uplink(settings, running),
    ]


def _lines(check: Check) -> list[str]:
    lines = [f"{check.state:5} {check.name:16} {check.found}"]
    return [*lines, f"{'':22} → {check.advice}"] if check.advice and check.state != "ok" else lines
