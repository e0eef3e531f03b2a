"""Messages that share a transaction."""

import asyncio

import aiomqtt

from agent.domain.wire import STATUS, UP
from cloud.ingest.grouping import by_kind, gather, incoming


def message(topic: str, payload: bytes = b"") -> aiomqtt.Message:
    return aiomqtt.Message(topic, payload, 1, False, 1, None)


class Waiting:
    """A queue of messages."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[aiomqtt.Message] = asyncio.Queue()

    def __len__(self) -> int:
        return self.queue.qsize()

    async def __anext__(self) -> aiomqtt.Message:
        return await self.queue.get()


async def test_a_full_group_does_not_wait() -> None:
    waiting = Waiting()
    for number in range(5):
        waiting.queue.put_nowait(message("ew/1/site-01/up", bytes([number])))
    group = await asyncio.wait_for(gather(waiting, 3, 60.0), 1)
    assert [item.payload for item in group] == [b"\x00", b"\x01", b"\x02"]
    assert len(waiting) == 2


async def test_what_comes_a_little_later_joins() -> None:
    waiting = Waiting()
    task = asyncio.create_task(gather(waiting, 100, 0.2))
    for _ in range(3):
        waiting.queue.put_nowait(message("ew/1/site-01/up"))
        await asyncio.sleep(0.01)
    assert len(await task) == 3


def test_messages_of_one_kind_go_together_in_order() -> None:
    topics = ["1/up", "1/status", "2/up", "1/cmd/abcdefgh/reply", "2/cmd/12345678/reply", "2/status", "1/up"]
    group = [incoming(message(f"ew/1/site-0{topic}", bytes([number]))) for number, topic in enumerate(topics)]
    grouped = by_kind([*group, incoming(message("elsewhere"))])
    assert [(kind, [item.device for item in items]) for kind, items in grouped] == [
        (UP, ["site-01", "site-02", "site-01"]),
        (STATUS, ["site-01", "site-02"]),
        ("cmd", ["site-01", "site-02"]),
        ("", [""]),
    ]
