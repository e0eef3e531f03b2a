"""One component: steady levels stay, drifting ones are followed, tolerance grows while held."""

import random

from agent.domain.anomaly_track import Track


def noise(n: int, seed: int) -> list[float]:
    draw = random.Random(seed)
    return [draw.gauss(0, 1) for _ in range(n)]


def walk(n: int, seed: int) -> list[float]:
    at, found = 0.0, []
    for step in noise(n, seed):
        at += step
        found.append(at)
    return found


def test_a_steady_signal_keeps_its_level_and_a_drifting_one_is_followed() -> None:
    steady, drifting = Track.fit(noise(400, 1)), Track.fit(walk(400, 1))
    assert steady.tau >= 400 > 2 * drifting.tau
    assert steady.drift < 0.05 * drifting.drift


def test_distances_are_in_units_of_what_is_usual() -> None:
    track = Track.fit(noise(400, 2))
    found = [track.update(x, hold=False) for x in noise(2_000, 3)]
    for column in zip(*found, strict=True):
        assert 0.4 < (sum(x * x for x in column) / len(column)) ** 0.5 < 1.3


def test_held_the_tolerance_of_a_drifting_signal_widens() -> None:
    track = Track.fit(walk(400, 4))
    at = track.level + 40
    distances = [abs(track.update(at, hold=True)[-1]) for _ in range(2_000)]
    assert distances[-1] < 0.7 * max(distances)


def test_held_the_level_stays() -> None:
    track = Track.fit(noise(400, 5))
    level = track.level
    for _ in range(1_000):
        track.update(5.0, hold=True)
    assert track.level == level
    track.update(5.0, hold=False)
    assert track.level > level
