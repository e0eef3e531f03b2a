"""All cases, in the order of the table."""

from typing import Final

from bench.soak import budgets, clock, cuts, cuts_cloud, fuzz, fuzz_agent, kills, network, rate, restore, storm
from bench.soak.case import Case
from bench.soak.elsewhere import tests

CASES: Final = (
    Case(
        "kills",
        "1, 2: acknowledged means committed; exactly once in effect",
        "kill -9 of agent, broker or aggregator at a random instant, four agents draining",
        kills.run,
    ),
    Case(
        "cuts",
        "1: what is durable survives a power cut, on the device",
        "the disk as a cut may leave it at a random instant: what was not flushed is there, gone, or torn in sectors",
        cuts.run,
    ),
    Case(
        "cuts-cloud",
        "1: what is acknowledged survives a power cut, at the aggregator",
        "the same under the database of a running aggregator",
        cuts_cloud.run,
    ),
    Case(
        "network",
        "2: all data arrives, in its own time",
        "packets between two network namespaces lost, late, queued, cut off (in user space, over TUN)",
        network.run,
    ),
    Case(
        "restore",
        "3: the cloud may forget",
        "the aggregator's database replaced by an older copy of itself",
        restore.run,
    ),
    Case(
        "year",
        "4: offline degrades resolution, never history",
        "a year in which nothing is acknowledged",
        budgets.a_year,
    ),
    Case(
        "clock",
        "5: time is honest",
        "six hours of samples under a clock at 1970, and under one an hour ahead; then it is set",
        clock.run,
    ),
    Case(
        "wishes",
        "6: a bad configuration cannot strand a device",
        "configurations that are wrong, silence the devices, cut the line or stop the agent",
        tests(
            "tests/agent/steering",
            "tests/journey/test_desired.py",
            happened="each ends on the last good one, still polling, with the reason told",
        ),
    ),
    Case(
        "commands",
        "7: a command runs at most once",
        "kills of both sides, absences, restarts, expiry, the same command again",
        tests("tests/journey/test_commands.py", happened="each at most once, each ended in a reply"),
    ),
    Case(
        "fuzz",
        "8: one bad message hurts nobody else",
        "batches, statuses and twins damaged, wrong from the start or odd, between those of devices that are well",
        fuzz.run,
    ),
    Case(
        "fuzz-agent",
        "6, 7, 8: nothing wrong is taken up",
        "acknowledgements, wishes and commands to a running agent that cannot be",
        fuzz_agent.run,
    ),
    Case(
        "storm",
        "9: no stampede",
        "devices that reconnect all at once, each with status, whole twin and two hours of backlog",
        storm.run,
    ),
    Case(
        "rate",
        "9: the aggregator keeps up",
        "200 homes that send as fast as they are acknowledged; aggregator on one core, broker on the other",
        rate.run,
    ),
    Case(
        "identity",
        "who a device is",
        "another device's certificate, an expired one, none, a revoked one, a neighbour's topic",
        tests(
            "tests/cloud/identity",
            "tests/contract/test_identity.py",
            "tests/journey/test_identity.py",
            happened="refused by the broker and by HTTPS",
        ),
    ),
    Case(
        "line", "8 KiB a day on the line", "a week of a simulated home, every byte of MQTT counted", budgets.on_the_line
    ),
    Case(
        "disk",
        "little is written, little is at risk",
        "days of a simulated home with real commits",
        budgets.on_the_disk,
    ),
)
