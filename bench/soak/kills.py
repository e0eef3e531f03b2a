"""kill -9 of agents, broker and aggregator under load: the tables end as those of an undisturbed run."""

import random
import time
from collections import Counter
from pathlib import Path
from typing import Final

from bench.soak.case import Context, Outcome, require
from bench.soak.stack import Stack, Table, difference, disorder, needs_mosquitto, undisturbed
from tests.helpers.broker import MosquittoBroker
from tests.helpers.histories import write_home_history
from tests.helpers.programs import Program

_HOMES: Final = 4
_DAYS: Final = 80
_A_ROUND: Final = 40
_DRAIN_S: Final = 300.0


def run(context: Context) -> Outcome:
    """1,000 of them in rounds of fresh homes; each round ends in peace, and is compared."""
    needs_mosquitto()
    kills = 20 if context.short else 1_000
    histories = [context.folder / f"home-{number}.csv" for number in range(_HOMES)]
    for number, path in enumerate(histories):
        write_home_history(path, days=_DAYS, seed=context.seed + number)
    expected = undisturbed(context.folder / "calm", histories)
    told = Counter[str]()
    with Stack(context.folder / "storm").running() as stack:
        storm = _Storm(stack, random.Random(context.seed), told)
        while told["kills"] < kills:
            names = storm.round(histories, min(_A_ROUND, kills - told["kills"]))
            told += _compare(stack, names, expected)
            context.say(f"kills: {told['kills']} of {kills}, {dict(told)}")
            require(not any(told[name] for name in _WRONG), str({name: told[name] for name in _WRONG}))
    times = f"{told['kills']:,} ({told['agent']} agent, {told['broker']} broker, {told['cloud']} aggregator)"
    kept = f"{told['rows']:,} rows of {told['homes']} homes: 0 lost, 0 twice or other, 0 out of order per signal"
    return Outcome(times, f"{kept}; every kill struck while agents were draining")


_WRONG: Final = ("lost", "added", "twice", "disordered")


class _Storm:
    """Kills at random instants, of whichever is the victim."""

    def __init__(self, stack: Stack, chance: random.Random, told: Counter[str]) -> None:
        self._stack = stack
        self._chance = chance
        self._told = told

    def round(self, histories: list[Path], kills: int) -> list[str]:
        """So many kills over fresh homes, then peace until all is drained; returns the homes."""
        names = [f"home-{self._told['rounds']}-{number}" for number in range(len(histories))]
        self._told["rounds"] += 1
        for name, history in zip(names, histories, strict=True):
            self._stack.agent(name, history)
        for _ in range(kills):
            time.sleep(self._chance.uniform(0.05, 0.9))
            working = [name for name in names if not self._stack.agents[name].ended()]
            if not working:
                break
            self._strike(self._chance.choice(("agent", "broker", "cloud")), self._chance.choice(working))
        self._stack.drained(names, _DRAIN_S)
        return names

    def _strike(self, victim: str, home: str) -> None:
        parts: dict[str, Program | MosquittoBroker] = {"broker": self._stack.broker, "cloud": self._stack.cloud}
        part = parts.get(victim, self._stack.agents[home])
        part.kill()
        part.start()
        self._told["kills"] += 1
        self._told[victim] += 1


def _compare(stack: Stack, names: list[str], expected: list[dict[str, Table]]) -> Counter[str]:
    told = Counter[str]()
    for name, rows in zip(names, expected, strict=True):
        told += difference(rows, stack.tables(name))
        told += disorder(stack.journal(name))
        told["rows"] += sum(map(len, rows.values()))
        told["homes"] += 1
    return told
