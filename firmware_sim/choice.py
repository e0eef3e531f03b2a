"""The family that a scenario is served as when somebody chooses another than its own."""

from collections.abc import Mapping

from firmware_sim.errors import BadArgument
from firmware_sim.families.family import family
from firmware_sim.families.speech import Speech, fits, speech_of
from firmware_sim.scenario import Scenario


def choose(scenario: Scenario, name: str | None, wanted: Mapping[str, str]) -> Speech:
    """What a site speaks: its own way, or as the family `name`, with options. Raises `BadArgument`."""
    if name is None or name == scenario.speaks:
        return speech_of(scenario.speaks, {**scenario.options, **wanted}, scenario.equipment, scenario.unit_id)
    if not fits(family(name), scenario.heat is not None):
        raise BadArgument(f"--as {name}: {scenario.name} is a {scenario.kind}, which cannot speak as a {name}")
    return speech_of(name, wanted)
