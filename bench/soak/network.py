"""A device behind a bad line: whatever the line does, all data arrives, in its own time."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.soak.case import Context, Outcome, require
from bench.soak.link import Line, Link
from bench.soak.stack import difference, disorder, drained, needs_mosquitto, site_file, tables, undisturbed
from tests.helpers.broker import MOSQUITTO
from tests.helpers.histories import write_home_history
from tests.helpers.programs import Program, wait_for

_PORT: Final = 1883
_CLOUD, _DEVICE = 0, 1
_DRAIN_S: Final = 1_500.0
_JUDGED: Final = "rows of history judged"


@dataclass(frozen=True, slots=True)
class _Trial:
    """`days` of a home that go over the line while `trouble` does what it does to it."""

    name: str
    days: int
    trouble: Callable[[Line, Program, random.Random], None]


def _bad(loss: float = 0.0, delay_s: float = 0.0, rate_bit_s: float = 0.0) -> Callable[..., None]:
    def trouble(line: Line, _agent: Program, _chance: random.Random) -> None:
        line.loss, line.delay_s, line.rate_bit_s = loss, delay_s, rate_bit_s

    return trouble


def _partitions(line: Line, _agent: Program, chance: random.Random) -> None:
    """Of 1 s to a minute, while the data of months goes over a slow line."""
    line.rate_bit_s = 64_000.0
    for seconds in (1.0, 2.0, 5.0, 15.0, 60.0):
        time.sleep(chance.uniform(1.0, 4.0))
        line.cut = True
        time.sleep(seconds)
        line.cut = False


def _no_line(line: Line, agent: Program, chance: random.Random) -> None:
    """Down before the first reading, up after the last: the diagnosis must not have waited."""
    line.cut = True
    wait_for("all to be judged without a line", lambda: _JUDGED in agent.said(), 120)
    time.sleep(chance.uniform(0.0, 3.0))
    line.cut = False


def _cut_and_lossy(line: Line, agent: Program, chance: random.Random) -> None:
    line.loss, line.delay_s = 0.3, 0.03
    _no_line(line, agent, chance)


_TRIALS: Final = (
    _Trial("30 days without a line", 30, _no_line),
    _Trial("30 % loss", 30, _bad(loss=0.3, delay_s=0.03)),
    _Trial("2 s delay", 30, _bad(delay_s=1.0)),
    _Trial("64 kbit/s", 30, _bad(rate_bit_s=64_000.0)),
    _Trial("partitions of 1 s to 60 s", 120, _partitions),
    _Trial("30 % loss, 2 s delay and 64 kbit/s at once", 6, _bad(0.3, 1.0, 64_000.0)),
)


_SHORT: Final = _Trial("no line, then 30 % loss", 6, _cut_and_lossy)


def run(context: Context) -> Outcome:
    """Each trial with a fresh home; one aggregator for all."""
    needs_mosquitto()
    trials = (_SHORT,) if context.short else _TRIALS
    told = []
    with Link(context.seed).up() as link, _cloud(link, context.folder):
        for number, trial in enumerate(trials):
            seconds, lost = _run(context, link, trial, f"home-{number}")
            told.append(f"{trial.name}: {seconds:.0f} s")
            context.say(f"network: {trial.name}: drained in {seconds:.0f} s, {lost:.0%} of the packets lost")
    days = sum(trial.days for trial in trials)
    happened = f"{days} device-days arrived whole, each window in its own time ({'; '.join(told)})"
    return Outcome(f"{len(trials)} lines", happened)


@contextmanager
def _cloud(link: Link, folder: Path) -> Iterator[None]:
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {_PORT} {link.address[_CLOUD]}\nallow_anonymous true\nuser root\n")
    (folder / "cloud.toml").write_text(f'[broker]\nhost = "{link.address[_CLOUD]}"\n[http]\nport = 0\n')
    broker = Program("mosquitto", [], folder / "mosquitto.log")
    broker.command = link.inside(_CLOUD, [str(MOSQUITTO), "-c", str(config)])
    cloud = Program("cloud", ["serve", "--config", folder / "cloud.toml"], folder / "cloud.log")
    cloud.command = link.inside(_CLOUD, cloud.command)
    with ExitStack() as stack:
        stack.enter_context(broker)
        stack.enter_context(cloud)
        wait_for("the aggregator", lambda: "pages on" in cloud.said(), 60)
        yield


def _run(context: Context, link: Link, trial: _Trial, home: str) -> tuple[float, float]:
    """How many seconds it took to drain, and which share of the packets was lost."""
    folder, history = context.folder, context.folder / f"{home}.csv"
    write_home_history(history, days=trial.days, seed=context.seed)
    expected = undisturbed(folder / f"calm-{home}", [history])[0]
    site = site_file(folder, home, link.address[_CLOUD], _PORT)
    agent = Program("agent", ["run", "--config", site, "--history", history, "--until-drained"], folder / f"{home}.log")
    agent.command = link.inside(_DEVICE, agent.command)
    sent, lost, began = link.passed.sent, link.passed.lost, time.monotonic()
    with agent:
        trial.trouble(link.line, agent, random.Random(context.seed))
        drained(agent, trial.name, _DRAIN_S)
        seconds = time.monotonic() - began
    link.line.loss, link.line.delay_s, link.line.rate_bit_s = 0.0, 0.0, 0.0
    told = difference(expected, tables(folder / "fleet.db", home)) + disorder(folder / home / "journal.db")
    require(not told, f"{trial.name}: {dict(told)}")
    return seconds, (link.passed.lost - lost) / max(1, link.passed.sent - sent)
