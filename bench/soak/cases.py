"""All cases, in the order of the table."""

from typing import Final

from bench.soak import clock, cuts, cuts_cloud, fuzz, kills, network, storm
from bench.soak.case import Case

CASES: Final = (
    Case(
        "kills",
        "Acknowledged means committed; exactly once in effect",
        "kill -9 of agent, broker or aggregator at a random instant, four agents draining",
        kills.run,
    ),
    Case(
        "network",
        "All data arrives, in its own time",
        "packets between two network namespaces lost, late, queued, cut off (in user space, TUN)",
        network.run,
    ),
    Case(
        "cuts",
        "What is durable survives a power cut, agent",
        "the disk as a cut may leave it at a random instant: what was not flushed is there, gone or torn in sectors",
        cuts.run,
    ),
    Case(
        "cuts-cloud",
        "What is acknowledged survives a power cut, aggregator",
        "the same under the aggregator's database, its programs and broker real",
        cuts_cloud.run,
    ),
    Case(
        "fuzz",
        "One bad message hurts nobody else",
        "batches, statuses and twins damaged, wrong from the start or odd, between those of devices that are well",
        fuzz.run,
    ),
    Case(
        "clock",
        "Time is honest",
        "six hours of samples under a clock at 1970, and under one an hour ahead; then it is set",
        clock.run,
    ),
    Case(
        "storm",
        "No stampede",
        "devices that reconnect all at once, each with status, whole twin and two hours of backlog",
        storm.run,
    ),
)
