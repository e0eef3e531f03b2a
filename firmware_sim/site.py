"""A simulated site as a device: registers, observation and silence at any instant since its origin."""

from collections.abc import Callable

from agent.domain.signals import SignalName
from firmware_sim.errors import SimError
from firmware_sim.failures import Silence, effects_at
from firmware_sim.observation import (
    HEAT_SIGNALS,
    HOME_SIGNALS,
    Observation,
    heat_observation,
    home_observation,
)
from firmware_sim.plant import HomePlant, SimulatedBoiler, SimulatedHome, Surroundings
from firmware_sim.registers import Image
from firmware_sim.replay import RecordedHome, load_recording
from firmware_sim.scenario import Scenario
from firmware_sim.sunspec_map import HomePlate, home_image
from firmware_sim.trovis_map import HeatPlate, heat_image

TROVIS_MODEL = 5576
TROVIS_PLANT_CODE = 110

_Wiring = tuple[
    Callable[[int, frozenset[SignalName]], Image],
    Callable[[int, frozenset[SignalName]], Observation],
    tuple[SignalName, ...],
]


class Site:
    """A scenario that lives from `origin_ms` on. The constructor computes the first day of a simulated plant."""

    def __init__(self, scenario: Scenario, origin_ms: int) -> None:
        self.scenario = scenario
        self.origin_ms = origin_ms
        self._faults = scenario.faults_from(origin_ms)
        self._image, self._observe, self.signals = self._wired()

    def image(self, at_ms: int) -> Image:
        """All registers at `at_ms`."""
        return self._image(at_ms, self._broken(at_ms))

    def observe(self, at_ms: int) -> Observation | None:
        """What a reader would know at `at_ms`; None while the device does not answer."""
        if self.silence(at_ms) is not None:
            return None
        return self._observe(at_ms, self._broken(at_ms))

    def silence(self, at_ms: int) -> Silence | None:
        """How the device is unreachable at `at_ms`, if it is."""
        return effects_at(self._faults, at_ms).silence

    def _broken(self, at_ms: int) -> frozenset[SignalName]:
        return effects_at(self._faults, at_ms).broken_sensors

    def _wired(self) -> _Wiring:
        scenario = self.scenario
        if scenario.heat is not None:
            return self._heat()
        return self._home()

    def _home(self) -> _Wiring:
        unit_id, plate, plant = self.scenario.unit_id, self._home_plate(), self._home_plant()

        def image(at_ms: int, broken: frozenset[SignalName]) -> Image:
            return home_image(plate, unit_id, plant.state_at(at_ms), broken)

        def observe(at_ms: int, broken: frozenset[SignalName]) -> Observation:
            return home_observation(plant.state_at(at_ms), broken)

        return image, observe, HOME_SIGNALS

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
            return HomePlate(scenario.equipment, 10_000, scenario.recording_capacity_wh, 10_000, 10_000, 0.0)
        battery = home.battery
        return HomePlate(
            scenario.equipment, home.inverter.ac_limit_w, battery.capacity_wh, battery.charge_limit_w,
            battery.discharge_limit_w, battery.low_share * 100.0,
        )  # fmt: skip

    def _heat(self) -> _Wiring:
        scenario = self.scenario
        if scenario.heat is None:
            raise SimError(f"{scenario.name}: a heating site without a boiler")
        plant = SimulatedBoiler(self._around(), scenario.heat, scenario.people, self._faults)
        control, zone = scenario.heat.control, scenario.zone
        plate = HeatPlate(scenario.equipment, TROVIS_MODEL, TROVIS_PLANT_CODE, control, zone)

        def image(at_ms: int, broken: frozenset[SignalName]) -> Image:
            return heat_image(plate, scenario.unit_id, plant.state_at(at_ms), broken)

        def observe(at_ms: int, broken: frozenset[SignalName]) -> Observation:
            return heat_observation(plant.state_at(at_ms), broken)

        return image, observe, HEAT_SIGNALS

    def _around(self) -> Surroundings:
        scenario = self.scenario
        if scenario.climate is None:
            raise SimError(f"{scenario.name}: a simulated site needs a climate")
        return Surroundings(scenario.place, scenario.zone, scenario.climate, scenario.seed, self.origin_ms)
