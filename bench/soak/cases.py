"""All cases, in the order of the table."""

from typing import Final

from bench.soak import kills
from bench.soak.case import Case

CASES: Final = (
    Case(
        "kills",
        "Acknowledged means committed; exactly once in effect",
        "kill -9 of agent, broker or aggregator at a random instant, four agents draining",
        kills.run,
    ),
)
