"""A simulated site as a device: registers, observation and silence at any instant since its origin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from agent.domain.signals import SignalName
from firmware_sim.errors import SimError
from firmware_sim.failures import Silence, effects_at
from firmware_sim.families.facts import heat_facts, home_facts
from firmware_sim.families.family import Layout
from firmware_sim.families.image import STRAIGHT, Quirk, family_image
from firmware_sim.families.rows import Fact
from firmware_sim.families.speech import Speech, speech_of
from firmware_sim.families.truth import Told, told
from firmware_sim.observation import (
    HEAT_SIGNALS,
    HOME_SIGNALS,
    Observation,
    heat_observation,
    home_observation,
)
from firmware_sim.plant import HomePlant, SimulatedBoiler, SimulatedHome, Surroundings
from firmware_sim.registers import Image, with_words_swapped
from firmware_sim.replay import RecordedHome, load_recording
from firmware_sim.scenario import Scenario
from firmware_sim.sunspec_map import HomePlate
from firmware_sim.switched import Switching
from firmware_sim.trovis_map import HeatPlate, trovis_image
from firmware_sim.wiring import Memory, Wiring, WiringCode, rewired

TROVIS_MODEL = 5576
TROVIS_PLANT_CODE = 110

_TURNED = {"battery": WiringCode.BATTERY_SIGN, "grid": WiringCode.GRID_CLAMP}
_Facts = dict[str, Fact]
_Wired = tuple[
    Callable[[int, frozenset[SignalName]], _Facts],
    Callable[[int, Mapping[str, Fact], Quirk], Image],
    Callable[[int, frozenset[SignalName]], Observation],
    tuple[SignalName, ...],
]


class Site:
    """A scenario that lives from `origin_ms` on. The constructor computes the first day of a simulated plant.

    `speech` is the family of devices that it speaks as, the scenario's own if not given. `wiring` is what is wired
    wrongly besides what the scenario says.
    """

    def __init__(self, scenario: Scenario, origin_ms: int, speech: Speech | None = None) -> None:
        self.scenario = scenario
        self.origin_ms = origin_ms
        self.speech = speech or speech_of(scenario.speaks, scenario.options, scenario.equipment, scenario.unit_id)
        self.wiring: list[Wiring] = []
        self._planned = scenario.wiring_from(origin_ms)
        self._memory: Memory = {}
        self._faults = scenario.faults_from(origin_ms)
        self._plant: HomePlant | None = None
        self._boiler: SimulatedBoiler | None = None
        self._facts, self._image, self._observe, self.signals = self._wired()

    def image(self, at_ms: int, quirk: Quirk = STRAIGHT) -> Image:
        """All registers at `at_ms`, encoded with a `quirk`."""
        turned = [Wiring(_TURNED[name]) for name in sorted(quirk.turned)]
        mistakes = {wiring.code for wiring in self.mistakes(at_ms)}
        facts = self.facts(at_ms, turned)
        image = self._image(at_ms, facts, replace(quirk, clip=bool(mistakes or turned)))
        return with_words_swapped(image) if WiringCode.WORDS_SWAPPED in mistakes else image

    def facts(self, at_ms: int, more: Sequence[Wiring] = ()) -> Mapping[str, Fact]:
        """What the meters and sensors tell at `at_ms`, wired as they are and with `more` mistakes."""
        facts = self._facts(at_ms, self._broken(at_ms))
        rewired(facts, (*self.mistakes(at_ms), *more), self.speech.known, self._memory)
        return facts

    def truth(self, at_ms: int) -> Mapping[SignalName, Told]:
        """What a right reader of a device that is wired rightly knows at `at_ms`, and what one step of it is worth."""
        return told(self._facts(at_ms, self._broken(at_ms)), self.speech)

    def mistakes(self, at_ms: int) -> Sequence[Wiring]:
        """What is wired wrongly at `at_ms`."""
        return [wiring for wiring in (*self._planned, *self.wiring) if wiring.holds(at_ms)]

    def observe(self, at_ms: int) -> Observation | None:
        """What a reader would know at `at_ms`; None while the device does not answer."""
        if self.silence(at_ms) is not None:
            return None
        return self._observe(at_ms, self._broken(at_ms))

    def silence(self, at_ms: int) -> Silence | None:
        """How the device is unreachable at `at_ms`, if it is."""
        return effects_at(self._faults, at_ms).silence

    def switch_load(self, at_ms: int, watts: float, phase: int = 1) -> None:
        """From `at_ms` on, `watts` more hang on `phase` of a home. Raises `SimError` where that cannot be."""
        if self._plant is None:
            raise SimError(f"{self.scenario.name}: no load can be switched at a heating site")
        try:
            self._plant.switch_load(Switching(at_ms, phase, watts))
        except ValueError as error:
            raise SimError(str(error)) from error

    def ask_for_heat(self, at_ms: int, room: float) -> None:
        """From `at_ms` on somebody wants the room to have `room` °C. Raises `SimError` where that cannot be."""
        if self._boiler is None:
            raise SimError(f"{self.scenario.name}: no heat can be asked for at a home")
        if not 5.0 <= room <= 35.0:
            raise SimError(f"{room:g} °C: expected 5 to 35")
        self._boiler.ask_for_heat(at_ms, room)

    def _broken(self, at_ms: int) -> frozenset[SignalName]:
        return effects_at(self._faults, at_ms).broken_sensors

    def _wired(self) -> _Wired:
        if self.scenario.heat is not None:
            return self._heat()
        return self._home()

    def _home(self) -> _Wired:
        speech, plate, plant = self.speech, self._home_plate(), self._home_plant()
        ratings = plate.ratings(speech.family.battery_v)
        self._plant = plant

        def facts(at_ms: int, broken: frozenset[SignalName]) -> _Facts:
            return home_facts(ratings, plant.state_at(at_ms), broken)

        def image(_at_ms: int, facts: Mapping[str, Fact], quirk: Quirk) -> Image:
            return family_image(speech.family, speech.options, speech.equipment, speech.unit_id, facts, quirk)

        def observe(at_ms: int, broken: frozenset[SignalName]) -> Observation:
            return home_observation(plant.state_at(at_ms), broken)

        return facts, image, observe, HOME_SIGNALS

    def _home_plant(self) -> HomePlant:
        scenario = self.scenario
        if scenario.home is None:
            recording = load_recording(scenario.recording)
            return RecordedHome(recording, self.origin_ms, scenario.recording_capacity_wh)
        return SimulatedHome(self._around(), scenario.home, scenario.strings, scenario.household, self._faults)

    def _home_plate(self) -> HomePlate:
        scenario, home = self.scenario, self.scenario.home
        if home is None:
            # Two units of 5 kW each; the recording itself peaks at 9.3 kW.
            return HomePlate(self.speech.equipment, 10_000, scenario.recording_capacity_wh, 10_000, 10_000, 0.0)
        battery = home.battery
        return HomePlate(
            self.speech.equipment, home.inverter.ac_limit_w, battery.capacity_wh, battery.charge_limit_w,
            battery.discharge_limit_w, battery.low_share * 100.0,
        )  # fmt: skip

    def _heat(self) -> _Wired:
        scenario, speech = self.scenario, self.speech
        if scenario.heat is None:
            raise SimError(f"{scenario.name}: a heating site without a boiler")
        plant = SimulatedBoiler(self._around(), scenario.heat, scenario.people, self._faults)
        self._boiler = plant
        plate = HeatPlate(speech.equipment, TROVIS_MODEL, TROVIS_PLANT_CODE, scenario.heat.control, scenario.zone)
        sets = plate.sets(scenario.heat.boiler.burner_w)

        def facts(at_ms: int, broken: frozenset[SignalName]) -> _Facts:
            return heat_facts(sets, plant.state_at(at_ms), broken)

        def image(at_ms: int, facts: Mapping[str, Fact], quirk: Quirk) -> Image:
            if speech.family.layout is Layout.TROVIS:
                return trovis_image(plate, speech.unit_id, plant.state_at(at_ms), facts)
            return family_image(speech.family, speech.options, speech.equipment, speech.unit_id, facts, quirk)

        def observe(at_ms: int, broken: frozenset[SignalName]) -> Observation:
            return heat_observation(plant.state_at(at_ms), broken)

        return facts, image, observe, HEAT_SIGNALS

    def _around(self) -> Surroundings:
        scenario = self.scenario
        if scenario.climate is None:
            raise SimError(f"{scenario.name}: a simulated site needs a climate")
        return Surroundings(scenario.place, scenario.zone, scenario.climate, scenario.seed, self.origin_ms)
