"""Messages into groups that share one transaction."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Protocol

import aiomqtt
import msgspec

from agent.domain.errors import BadMessage
from agent.domain.wire import parse_topic


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


def runs(group: Iterable[Incoming]) -> list[tuple[str, Sequence[Incoming]]]:
    """Neighbours of the same leaf together, in the order of arrival."""
    return [(leaf, list(items)) for leaf, items in groupby(group, key=lambda item: item.leaf)]
