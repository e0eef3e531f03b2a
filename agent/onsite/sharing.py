"""Of several devices that give one signal, such as an inverter and a meter of its own, one counts."""

from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from agent.domain.errors import BadSetup
from agent.domain.signals import SignalName
from agent.onsite.bench import Bench, SourcePlan

Prefer = Literal["new", "old"]


class Overlap(BadSetup):
    """A new device gives what others give too, and nobody has said whose values count."""

    def __init__(self, new: str, others: Sequence[str], names: Sequence[SignalName]) -> None:
        super().__init__(f"device {new}", f"gives {', '.join(names)} as {' and '.join(others)} does")
        self.others = ", ".join(others)
        self.names = tuple(names)


def shared_out(
    bench: Bench, sources: Sequence[SourcePlan], new: SourcePlan, prefer: Prefer | None
) -> tuple[SourcePlan, ...]:
    """All devices, each signal from one of them. Raises `Overlap`, or `BadSetup` for one that would give nothing."""
    gives, own = bench.signals(new), {source.name: bench.signals(source) for source in sources}
    others = [name for name, signals in own.items() if signals & gives]
    shared = sorted({signal for name in others for signal in own[name] & gives})
    if shared and prefer is None:
        raise Overlap(new.name, others, shared)
    if not shared:
        return (*sources, new)
    if prefer == "old":
        return (*sources, _limited(new, gives.difference(shared)))
    kept = [_limited(each, own[each.name] - gives) if each.name in others else each for each in sources]
    return (*kept, new)


def _limited(source: SourcePlan, signals: Collection[SignalName]) -> SourcePlan:
    if not signals:
        raise BadSetup(f"device {source.name}", "would give nothing that others do not give", hint="Drop one of them.")
    return msgspec.structs.replace(source, table={**source.table, "signals": sorted(signals)})
