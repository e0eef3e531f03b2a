"""From recordings of many sites to one artifact: network, what the fleet knows, limits, references, metrics."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from agent.domain.errors import BadInput
from agent.domain.learned_artifact import MOST_NETWORK_BYTES, Artifact, Scaling
from agent.domain.learned_plan import Plan
from cloud.training.drift import references_of
from cloud.training.limits import YEAR_DAYS, limits_of, watched
from cloud.training.network import Array, Samples, Trainer, inputs_of, usable, whitened
from cloud.training.priors import OneTarget, prior_of
from cloud.training.quantise import Int8Layer, balanced, int8_forward, quantised
from cloud.training.sites import DAY_MS, SiteFrames, terms_of
from cloud.training.tflite_writer import tflite_file

Say = Callable[[str], None]
LEAST_SITES: Final = 6
LEAST_DAYS: Final = 120
DRAWN: Final = 150_000


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """`steps` of the optimiser, and the false findings `per_year` and site that limits are set for.

    Every `held_out`-th site is kept from training; it helps to set the limits and tells the metrics.
    """

    version: int = 1
    steps: int = 1200
    per_year: float = 0.5
    held_out: int = 3
    seed: int = 0


def trained(plan: Plan, sites: Sequence[SiteFrames], made_ms: int, settings: TrainSettings, say: Say) -> Artifact:
    """An artifact from healthy recordings. Raises `BadInput` where there are too few."""
    usable_sites = [site for site in sites if site.frames * site.frame_ms >= LEAST_DAYS * DAY_MS]
    if len(usable_sites) < LEAST_SITES:
        raise BadInput(
            f"{len(usable_sites)} of {len(sites)} recordings last {LEAST_DAYS} days, expected {LEAST_SITES} at least"
        )
    say(f"terms of {len(usable_sites)} sites …")
    terms = [terms_of(plan, site) for site in usable_sites]
    held = [number % settings.held_out == settings.held_out - 1 for number in range(len(terms))]
    learning = [each for each, apart in zip(terms, held, strict=True) if not apart]
    scaling, layers = _network(plan, learning, settings, say)
    ready = [
        targets_of(plan, scaling, layers, each, _shift(site)) for each, site in zip(terms, usable_sites, strict=True)
    ]
    say("what the fleet knows …")
    priors = [
        prior_of([site[place] for site, apart in zip(ready, held, strict=True) if not apart], target.tau)
        for place, target in enumerate(plan.targets)
    ]
    say("limits …")
    late = [_begun_late(site, number) for number, site in enumerate(ready)]
    limits = [
        limits_of([site[place] for site in late], priors[place], target, targets=len(plan.targets),
                  per_year=settings.per_year)
        for place, target in enumerate(plan.targets)
    ]  # fmt: skip
    network = tflite_file(layers, f"emberwatt {plan.name}")
    if len(network) > MOST_NETWORK_BYTES:
        raise BadInput(f"the network takes {len(network)} bytes, expected at most {MOST_NETWORK_BYTES}")
    artifact = Artifact(
        plan.name, settings.version, made_ms, plan, scaling, network, priors, limits,
        references_of(plan, learning), digest_of(usable_sites), {},
    )  # fmt: skip
    return replace_metrics(
        artifact, _metrics(artifact, [site for site, apart in zip(ready, held, strict=True) if apart])
    )


def _network(
    plan: Plan, learning: Sequence[Array], settings: TrainSettings, say: Say
) -> tuple[Scaling, list[Int8Layer]]:
    """The network in int8, and how its inputs are scaled into −1 … 1."""
    dice = np.random.default_rng(settings.seed)
    site = np.repeat(np.arange(len(learning)), [len(each) for each in learning])
    pooled = np.concatenate(learning)
    rows = dice.choice(len(pooled), min(DRAWN, len(pooled)), replace=False)
    inputs, drawn = inputs_of(plan), pooled[rows]
    scaling = _scaling(inputs, drawn[:, inputs])
    x = scaled_inputs(scaling, drawn)
    trainer = Trainer(plan, len(learning), settings.seed)
    loss = trainer.train(Samples(drawn, x, site[rows], len(learning)), settings.steps)
    say(f"trained on {len(rows):,} frames, error {loss:.4f}")
    layers = balanced(whitened(plan, trainer.layers, drawn, x), x)
    return scaling, quantised(layers, x)


def _scaling(inputs: list[int], values: Array) -> Scaling:
    low, high = np.nanquantile(values, 0.001, axis=0), np.nanquantile(values, 0.999, axis=0)
    half = np.maximum((high - low) / 2.0, 1e-3)
    return Scaling(inputs, ((high + low) / 2.0).tolist(), half.tolist())


def scaled_inputs(scaling: Scaling, terms: Array) -> Array:
    """The network's inputs; what is missing becomes 0."""
    values = (terms[:, scaling.terms] - np.array(scaling.centre)) / np.array(scaling.half)
    return np.asarray(np.nan_to_num(np.clip(values, -1.5, 1.5)), dtype=np.float64)


def targets_of(
    plan: Plan, scaling: Scaling, layers: Sequence[Int8Layer], terms: Array, shift: int = 0
) -> list[OneTarget]:
    """What each target is told by; `shift` is the number of the first frame in its local day."""
    units = int8_forward(layers, scaled_inputs(scaling, terms))
    frames = np.arange(len(terms)) + shift
    per_day = 86_400 // plan.frame_s
    found, place = [], 0
    for target, mask in zip(plan.targets, usable(plan, terms), strict=True):
        side = terms[mask, target.reach] if target.reach >= 0 else None
        columns = slice(place, place + target.units)
        found.append(OneTarget(units[mask][:, columns], terms[mask, target.y], frames[mask], side, per_day))
        place += target.units
    return found


def _shift(site: SiteFrames) -> int:
    """Frames from local midnight to the first, as it was on the first day."""
    offset = datetime.fromtimestamp(site.start_ms / 1000, UTC).astimezone(ZoneInfo(site.zone)).utcoffset()
    offset_ms = round(offset.total_seconds() * 1000) if offset else 0
    return int((site.start_ms + offset_ms) % DAY_MS // site.frame_ms)


def _begun_late(site: Sequence[OneTarget], number: int) -> list[OneTarget]:
    """The site as one that was put to work on another day: limits must hold whatever season it begins in."""
    last = max((int(one.day[-1]) for one in site if one.days), default=0)
    first = 21 + (number * 53) % max(1, last - 200)
    return [one.from_frame(first * one.per_day) for one in site]


def digest_of(sites: Sequence[SiteFrames]) -> str:
    """SHA-256 over everything that was trained on, site by site in the order of their names."""
    total = hashlib.sha256()
    for site in sorted(sites, key=lambda each: each.name):
        total.update(f"{site.name}/{site.start_ms}/{site.frame_ms}/{site.latitude}/{site.longitude}".encode())
        for name in sorted(site.signals):
            total.update(name.encode())
            total.update(np.ascontiguousarray(site.signals[name], dtype="<f4").tobytes())
    return total.hexdigest()


def _metrics(artifact: Artifact, held: Sequence[Sequence[OneTarget]]) -> dict[str, float]:
    """False findings a site-year on the sites that were kept out of the training, and the network's size."""
    findings, days = 0, 0
    for site in held:
        score, _, active = watched(site, artifact.plan, artifact.priors, artifact.limits, 21)
        findings += int(np.sum(active[1:] & ~active[:-1]))
        days += max(0, len(score) - 21)
    years = days / YEAR_DAYS
    return {
        "held_out_sites": float(len(held)),
        "held_out_years": round(years, 2),
        "false_findings_per_year": round(findings / years, 3) if years else 0.0,
        "network_bytes": float(len(artifact.network)),
    }


def replace_metrics(artifact: Artifact, metrics: dict[str, float]) -> Artifact:
    """The same artifact with other metrics."""
    fields = {name: getattr(artifact, name) for name in Artifact.__struct_fields__}
    return Artifact(**{**fields, "metrics": metrics})
