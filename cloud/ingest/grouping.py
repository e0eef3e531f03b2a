"""Messages into groups that share one transaction."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import aiomqtt
import msgspec

from agent.domain.errors import BadMessage
from agent.domain.wire import STATUS, TWIN_REPORTED, UP, parse_topic

# What every device writes to.
PLAIN: Final = (UP, STATUS, TWIN_REPORTED)


class Incoming(msgspec.Struct, frozen=True):
    """One message; `device` and `leaf` are empty when the topic names neither."""

    topic: str
    device: str
    leaf: str
    payload: bytes
    retained: bool


class Queue(Protocol):
    """Messages that arrived, and how many wait."""

    def __len__(self) -> int: ...

    async def __anext__(self) -> aiomqtt.Message: ...


async def gather(messages: Queue, most: int, wait_s: float) -> list[Incoming]:
    """At least one message, and those that have come `wait_s` later, `most` at most.

    Only what already waits is taken after the first: a read that is cancelled by a deadline could lose a message.
    """
    group = [incoming(await anext(messages))]
    if len(messages) < most:
        await asyncio.sleep(wait_s)
    while len(group) < most and len(messages):
        group.append(incoming(await anext(messages)))
    return group


def incoming(message: aiomqtt.Message) -> Incoming:
    """What this program needs of a broker's message."""
    try:
        device, leaf = parse_topic(message.topic.value)
    except BadMessage:
        device, leaf = "", ""
    return Incoming(message.topic.value, device, leaf, message.payload, bool(message.retain))


def by_kind(group: Iterable[Incoming]) -> list[tuple[str, Sequence[Incoming]]]:
    """Messages of the same leaf together, in the order of arrival: what different leaves say does not depend on it.

    Leaves that hold a name of their own, like those of replies, go by their first level.
    """
    kinds: dict[str, list[Incoming]] = {}
    for item in group:
        kinds.setdefault(item.leaf if item.leaf in PLAIN else item.leaf.partition("/")[0], []).append(item)
    return list(kinds.items())
