"""A model as it travels: what it looks at, its network, what the fleet knows, where it comes from, and a signature.

    "EWM1" | public key 32 bytes | signature 64 bytes | MessagePack of `Artifact`

The signature is Ed25519 over everything behind it. Which keys are believed is the site's business.
"""

from collections.abc import Collection
from hashlib import sha256
from typing import Final

import msgspec

from agent.domain.ed25519 import KEY_BYTES, SIGNATURE_BYTES, verify
from agent.domain.errors import BadInput
from agent.domain.learned_head import Prior
from agent.domain.learned_plan import Plan, checked
from agent.domain.learned_watch import FIGURES, Limits

MAGIC: Final = b"EWM1"
MOST_NETWORK_BYTES: Final = 64 * 1024
MOST_BYTES: Final = 256 * 1024
_HEAD: Final = len(MAGIC) + KEY_BYTES + SIGNATURE_BYTES


class Scaling(msgspec.Struct, array_like=True, frozen=True):
    """The network's input `i` is term `terms[i]` − `centre[i]`, divided by `half[i]`."""

    terms: list[int]
    centre: list[float]
    half: list[float]


class Reference(msgspec.Struct, array_like=True, frozen=True):
    """How term `term` was distributed over the training: inner edges of bins, and the share in each.

    `usual` is how far, as a stability index, the last month of a healthy site lies from that at most: seasons do it.
    """

    term: int
    edges: list[float]
    shares: list[float]
    usual: float


class Artifact(msgspec.Struct, array_like=True, frozen=True):
    """A trained model. `network` is a full-int8 TFLite file; `made_ms` is when it was trained.

    `digest` is the SHA-256 of the training data, `metrics` what it did on sites it was not trained on.
    """

    name: str
    version: int
    made_ms: int
    plan: Plan
    scaling: Scaling
    network: bytes
    priors: list[Prior]
    limits: list[Limits]
    references: list[Reference]
    digest: str
    metrics: dict[str, float]


def packed(artifact: Artifact) -> bytes:
    """The bytes that are signed."""
    return msgspec.msgpack.encode(artifact)


def sealed(body: bytes, public: bytes, signature: bytes) -> bytes:
    """The file's content."""
    return MAGIC + public + signature + body


def fingerprint(data: bytes) -> str:
    """What a file is called in a twin: the first 12 digits of its SHA-256."""
    return sha256(data).hexdigest()[:12]


def opened(data: bytes, trusted: Collection[bytes], where: str = "model") -> Artifact:
    """The artifact in a file's content. Raises `BadInput` for one that is not signed by a trusted key, or damaged."""
    if len(data) > MOST_BYTES:
        raise BadInput(f"{where}: {len(data)} bytes, expected at most {MOST_BYTES}")
    if data[: len(MAGIC)] != MAGIC or len(data) <= _HEAD:
        raise BadInput(f"{where}: is no signed model, expected a file that begins with {MAGIC.decode()}")
    public, signature, body = data[4:36], data[36:_HEAD], data[_HEAD:]
    if public not in trusted:
        raise BadInput(
            f"{where}: signed by {public.hex()[:16]}…, which is not trusted here",
            hint="name the key of whoever trained it under trust in [[model]]",
        )
    if not verify(public, body, signature):
        raise BadInput(f"{where}: was changed after it was signed by {public.hex()[:16]}…")
    try:
        artifact = msgspec.msgpack.decode(body, type=Artifact)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{where}: {error}") from error
    return _checked(artifact, where)


def keys_of(trust: object) -> list[bytes]:
    """Public keys from the words of a site file. Raises `BadInput`."""
    if not isinstance(trust, list) or not trust:
        raise BadInput("trust is missing, expected a list of public keys in hex")
    try:
        keys = [bytes.fromhex(key) for key in trust]
    except (ValueError, TypeError) as error:
        raise BadInput(f"trust {trust!r}, expected public keys in hex") from error
    if any(len(key) != KEY_BYTES for key in keys):
        raise BadInput("a key under trust is not 64 hex digits long")
    return keys


def _checked(artifact: Artifact, where: str) -> Artifact:
    plan = checked(artifact.plan)
    if len(artifact.network) > MOST_NETWORK_BYTES:
        raise BadInput(f"{where}: a network of {len(artifact.network)} bytes, expected at most {MOST_NETWORK_BYTES}")
    if not len(plan.targets) == len(artifact.priors) == len(artifact.limits):
        raise BadInput(f"{where}: expected a prior and limits for each of {len(plan.targets)} targets")
    scaling = artifact.scaling
    if not len(scaling.terms) == len(scaling.centre) == len(scaling.half) or min(scaling.half, default=0.0) <= 0.0:
        raise BadInput(f"{where}: expected a centre and a positive half width for each input")
    for target, prior, limits in zip(plan.targets, artifact.priors, artifact.limits, strict=True):
        size = target.units + 1
        if len(prior.weights) != size or [len(row) for row in prior.precision] != [size] * size:
            raise BadInput(f"{where}: the prior of {target.name} is not of size {size}")
        if not len(limits.usual) == len(limits.limit) == len(FIGURES) or min(*limits.usual, *limits.limit) <= 0.0:
            raise BadInput(f"{where}: the limits of {target.name} are not {len(FIGURES)} positive numbers")
    return artifact
