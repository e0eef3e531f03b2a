"""Sun, sky and panels: the DC power that strings on a roof can give, by pvlib.

pvlib takes about a second to import, so it is imported when the first irradiance is asked for: a replayed home or a
boiler never pays for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware_sim.noise import Array

# A module's rise over the air per irradiance (Ross), its loss per kelvin, and dirt, wires and mismatch together.
ROSS_K_PER_W = 0.03
LOSS_PER_K = 0.0038
SYSTEM_SHARE = 0.9
START_W = 4.0


@dataclass(frozen=True, slots=True)
class PvString:
    """One string of panels: peak power in W, tilt from horizontal and azimuth from north clockwise in degrees."""

    peak_w: float
    tilt: float
    azimuth: float


@dataclass(frozen=True, slots=True)
class Place:
    """Degrees north and east, metres above the sea."""

    latitude: float
    longitude: float
    altitude_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Sky:
    """Sun and irradiance over some instants: angles in degrees, irradiance in W/m²."""

    zenith: Array
    azimuth: Array
    ghi: Array
    dni: Array
    dhi: Array


def sky(place: Place, clear_index: Array, time_s: Array) -> Sky:
    """Irradiance under a given clear-sky index.

    Clear sky after Ineichen and Perez with a Linke turbidity of 3, split into beam and diffuse after Erbs (pvlib).
    """
    import pandas as pd
    from pvlib import atmosphere, clearsky, irradiance, solarposition

    when: Any = pd.DatetimeIndex(time_s.astype("datetime64[s]")).tz_localize("UTC")
    position = solarposition.ephemeris(when, place.latitude, place.longitude)
    apparent = position["apparent_zenith"].to_numpy()
    zenith = position["zenith"].to_numpy()
    airmass = atmosphere.get_absolute_airmass(
        atmosphere.get_relative_airmass(apparent), atmosphere.alt2pres(place.altitude_m)
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # the formula divides by the height of a sun that has set
        clear = clearsky.ineichen(apparent, airmass, linke_turbidity=3.0, altitude=place.altitude_m)
    ghi = np.nan_to_num(clear["ghi"]) * clear_index
    split = irradiance.erbs(ghi, zenith, np.asarray(when.day_of_year))
    # Erbs needs the sun above the horizon; close to it all light is diffuse.
    dni = np.where(zenith < 87.0, np.nan_to_num(split["dni"]), 0.0)
    dhi = np.where(zenith < 87.0, np.nan_to_num(split["dhi"]), ghi)
    return Sky(zenith, position["azimuth"].to_numpy(), ghi, dni, dhi)


def string_power(string: PvString, light: Sky, outdoor: Array) -> Array:
    """DC power in W that a string can give, before the inverter's limit."""
    from pvlib import irradiance

    plane = irradiance.get_total_irradiance(
        string.tilt, string.azimuth, light.zenith, light.azimuth, light.dni, light.ghi, light.dhi
    )
    on_plane = np.clip(np.nan_to_num(plane["poa_global"]), 0.0, None)
    cell = outdoor + ROSS_K_PER_W * on_plane
    power = string.peak_w * on_plane / 1000.0 * (1.0 - LOSS_PER_K * (cell - 25.0)) * SYSTEM_SHARE
    return np.where(power < START_W, 0.0, power)


def string_powers(strings: Sequence[PvString], light: Sky, outdoor: Array) -> list[Array]:
    """`string_power` of each string, in order."""
    return [string_power(string, light, outdoor) for string in strings]
