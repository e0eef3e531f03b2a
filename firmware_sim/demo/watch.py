"""What the demo says while it runs, and its verdict: was every injected fault found by the fleet's own means?"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firmware_sim.clock import instant_text, parse_instant


class ApiUnavailable(Exception):
    """The aggregator's API gave no usable answer."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A fault that was injected: it must be found with a start between `earliest_ms` and `latest_ms`."""

    device: str
    code: str
    earliest_ms: int
    latest_ms: int


@dataclass(frozen=True, slots=True)
class Api:
    """The aggregator as any script sees it."""

    base: str

    def get(self, path: str, **query: str) -> Any:
        url = f"{self.base}/api/v1/{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError) as error:
            raise ApiUnavailable(f"{url}: {error}") from error


# A fault that lasts already when a slow machine has started its agents begins, for the agent, where it begins to look.
LATE_MS = 40 * 60_000


def missed(expected: Sequence[Expectation], found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Expectation]:
    """Expectations that no found fault of that device and code meets."""

    def met(want: Expectation) -> bool:
        return any(
            fault["code"] == want.code and want.earliest_ms <= parse_instant(fault["start"]) <= want.latest_ms + LATE_MS
            for fault in found.get(want.device, ())
        )

    return [want for want in expected if not met(want)]


QUIET_MS = 15 * 60_000
DAY_MS = 86_400_000


@dataclass(slots=True)
class Watch:
    """The short table, and what is wrong at the end. On a terminal the table replaces itself, else it comes rarely."""

    api: Api
    devices: Sequence[str]
    interactive: bool
    _lines: int = 0
    _next: float = 0.0
    _sites: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def show(self, now_ms: int) -> None:
        """Ask the API and print, unless it was printed a moment ago."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (1.0 if self.interactive else 15.0)
        try:
            page = self.api.get("devices", limit="500")
        except ApiUnavailable as error:
            print(f"waiting for the API: {error}", file=sys.stderr)
            return
        self._sites = {site["device"]: site for site in page["items"]}
        rows = [_row(name, self._sites.get(name)) for name in self.devices]
        clock = instant_text(now_ms - now_ms % 1000)
        head = f"{clock}   {'site':25} {'state':8} {'MTBF':>12}  {'waiting':>7}  active faults"
        if self.interactive and self._lines:
            sys.stdout.write(f"\x1b[{self._lines}F\x1b[0J")
        print("\n".join([head, *rows]), flush=True)
        self._lines = len(rows) + 1

    def problems(self, due: Sequence[Expectation], origin_ms: int, now_ms: int) -> list[str]:
        """What a person would complain about: a site without fresh data or history, a fault that nobody found."""
        found = {}
        for device in self.devices:
            found[device] = self.api.get("faults", device=device, limit="500")["items"]
        told = [f"{want.code} at {want.device} was injected and not found" for want in missed(due, found)]
        page = self.api.get("devices", limit="500")
        sites = {site["device"]: site for site in page["items"]}
        for device in self.devices:
            told += self._silent(device, sites.get(device), now_ms)
            told += self._short(device, origin_ms, now_ms)
        return told

    def _silent(self, device: str, site: Mapping[str, Any] | None, now_ms: int) -> list[str]:
        if site is None:
            return [f"{device} is not known to the aggregator"]
        if site["state"] != "online":
            return [f"{device} is {site['state']}"]
        last = site["last"]
        if last is None or now_ms - parse_instant(last["at"]) > QUIET_MS:
            return [f"{device} has no fresh reading, the last is of {last['at'] if last else 'never'}"]
        return []

    def _short(self, device: str, origin_ms: int, now_ms: int) -> list[str]:
        """Every whole day since the origin must have its summaries."""
        first, end = -(-origin_ms // DAY_MS), now_ms // DAY_MS
        signals = self.api.get(f"devices/{device}/signals")["items"]
        if not signals:
            return [f"{device} has no history"]
        query = {"from": instant_text(first * DAY_MS), "to": instant_text(end * DAY_MS), "step": "86400"}
        points = self.api.get(f"devices/{device}/series", signal=signals[0]["signal"], **query)["points"]
        days = sum(1 for point in points if point["n"] + point["bad"] > 0)
        return [f"{device} has data of {days} of {end - first} days"] if days < end - first else []


def _row(name: str, site: Mapping[str, Any] | None) -> str:
    if site is None:
        return f"{'':22} {name:25} {'waiting':8}"
    if site["mtbf_hours"] is not None:
        mtbf = f"{site['mtbf_hours']:.0f} h"
    else:
        mtbf = f"> {site['mtbf_low_hours']:.0f} h" if site["mtbf_low_hours"] is not None else "–"
    waiting = "–" if site["backlog"] is None else str(site["backlog"])
    faults = ", ".join(sorted({fault["code"] for fault in site["faults"]})) or "none"
    return f"{'':22} {name:25} {site['state']:8} {mtbf:>12}  {waiting:>7}  {faults}"
