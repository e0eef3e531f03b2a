"""The command `emberwatt-sim families`."""

import argparse
import json
from typing import Any

from firmware_sim.families.family import Family, families, family
from firmware_sim.families.speech import speech_of


def show_families(arguments: argparse.Namespace) -> int:
    """`emberwatt-sim families`."""
    known = [family(name) for name in families()]
    if arguments.json:
        print(json.dumps([summary(one) for one in known], indent=2))
        return 0
    width = max(len(one.name) for one in known)
    for one in known:
        options = "; ".join(f"{key}={'|'.join(values)}" for key, values in one.options.items())
        print(
            f"{one.name:<{width}}  {one.kind:<5}  unit {one.unit:<3}  {one.title}{f'  [{options}]' if options else ''}"
        )
    return 0


def summary(one: Family) -> dict[str, Any]:
    """A family ready for JSON."""
    return {
        "name": one.name,
        "title": one.title,
        "kind": one.kind.value,
        "unit_id": one.unit,
        "carriers": list(one.carriers),
        "serial": one.line,
        "max_words": one.max_words,
        "gap_ms": one.gap_ms,
        "clients": one.clients.value,
        "options": {key: list(values) for key, values in one.options.items()},
        "equipment": {
            "maker": one.plate.maker,
            "model": one.plate.model,
            "serial": one.plate.serial,
            "firmware": one.plate.firmware,
        },
        "tells": sorted(speech_of(one.name, {}).known),
        "sources": one.sources,
    }
