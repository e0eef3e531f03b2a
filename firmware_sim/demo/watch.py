"""What the demo says while it runs, and its verdict: was every injected fault found by the fleet's own means?"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


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


def parse_iso(text: str) -> int:
    """Milliseconds of an ISO 8601 time; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def missed(expected: Sequence[Expectation], found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Expectation]:
    """Expectations that no found fault of that device and code meets."""

    def met(want: Expectation) -> bool:
        return any(
            fault["code"] == want.code and want.earliest_ms <= parse_iso(fault["start"]) <= want.latest_ms
            for fault in found.get(want.device, ())
        )

    return [want for want in expected if not met(want)]
