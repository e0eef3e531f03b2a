"""Heating sites as simple arithmetic, quick enough to train a model on in a test."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.domain.learned_artifact import Artifact
from agent.domain.signals import (
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Reading,
    SignalName,
)
from cloud.training.plans import heat_plan
from cloud.training.signing import public_of, signed
from cloud.training.sites import SiteFrames
from cloud.training.train import TrainSettings, trained

START_MS = 1_727_740_800_000  # 2024-10-01T00:00Z, midnight in UTC
FRAME_MS = 900_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TRUST = [public_of(KEY).hex()]


def heating(number: int, days: int, *, weak_from: int | None = None) -> SiteFrames:
    """Site `number`; from day `weak_from` on its pump moves half as much water."""
    dice = np.random.default_rng(number)
    frames = days * 96
    hour = np.arange(frames) % 96 / 4.0
    day = np.arange(frames) / 96.0
    weather = np.convolve(dice.normal(0, 1, frames + 400), np.ones(400) / 20.0, mode="valid")[:frames]
    outdoor = 4.0 - 6.0 * np.sin(2 * np.pi * day / 365) + 2.5 * np.sin(2 * np.pi * (hour - 9) / 24) + 2.5 * weather
    room = 20.0 + 0.5 * np.sin(2 * np.pi * (hour - 14) / 24) + dice.normal(0, 0.05, frames)
    loss, radiators, flow = dice.uniform(120, 240), dice.uniform(160, 260), dice.uniform(700, 1200)
    if weak_from is not None:
        flow = np.where(day >= weak_from, 0.5 * flow, flow)
    heat = loss * np.maximum(room - outdoor, 0.5) * (1.0 + dice.normal(0, 0.02, frames))
    back = room + heat / radiators
    signals = {
        OUTDOOR_TEMPERATURE: outdoor,
        ROOM_TEMPERATURE: room,
        RETURN_TEMPERATURE: back,
        FLOW_TEMPERATURE: back + heat / flow + dice.normal(0, 0.1, frames),
        PUMP_ON: np.ones(frames),
    }
    rounded = {str(name): np.round(values, 2) for name, values in signals.items()}
    return SiteFrames(f"site-{number}", START_MS, FRAME_MS, 48.0, 11.0, "UTC", rounded)


def readings(site: SiteFrames) -> Iterator[Reading]:
    """One reading a frame."""
    rows = np.stack(list(site.signals.values()), axis=1).tolist()
    names = [SignalName(name) for name in site.signals]
    for place, row in enumerate(rows):
        yield Reading(site.start_ms + place * site.frame_ms, dict(zip(names, row, strict=True)))


@lru_cache(maxsize=4)
def artifact(version: int = 1, days: int = 150) -> Artifact:
    """Trained on ten such sites."""
    sites = [heating(number, days) for number in range(10)]
    settings = TrainSettings(version, steps=150, seed=version)
    return trained(heat_plan(), sites, START_MS, settings, lambda _: None)


def model_file(folder: Path, version: int = 1, days: int = 150) -> Path:
    """The signed artifact as a file."""
    path = folder / f"heating-{version}.ewm"
    path.write_bytes(signed(artifact(version, days), KEY))
    return path
