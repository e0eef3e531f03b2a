"""Boxes: whatever is lost on the way, a device hears every letter, in order, and what is retained only once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.devices.mailboxes import MOST_LETTERS, Gone, Mailbox, Mailboxes
from tests.helpers.uplinks import until

# A letter to be put in (retained or not), a question whose answer arrives, one whose answer is lost.
steps = st.lists(st.sampled_from(["letter", "kept", "asked", "lost"]), max_size=60)


@given(steps)
def test_every_letter_is_heard_once_and_in_order(taken: list[str]) -> None:
    box, heard, had = Mailbox(0.0, 60.0), list[bytes](), 0
    put, kept = list[bytes](), list[bytes]()
    for number, step in enumerate([*taken, "asked"]):
        payload = b"%d" % number
        if step in ("letter", "kept"):
            (put if step == "letter" else kept).append(payload)
            box.put("cmd" if step == "letter" else "twin/desired", payload, step == "kept")
            continue
        letters = box.after(had)
        assert [letter.number for letter in letters] == sorted({letter.number for letter in letters})
        if step == "asked" and letters:
            had = letters[-1].number
            heard += [letter.payload for letter in letters if not letter.retained]
            newest = [letter.payload for letter in letters if letter.retained]
            assert newest in ([], kept[-1:])
    assert heard == put
    assert box.after(had) == []


def test_the_same_order_waits_once_and_of_too_many_the_oldest_goes() -> None:
    box = Mailbox(0.0, 60.0)
    for _ in range(3):
        box.put("cmd/3f2a9c1e", b"order", False)
    assert [letter.payload for letter in box.after(0)] == [b"order"]
    for number in range(MOST_LETTERS + 5):
        box.put("cmd/3f2a9c1e", b"%d" % number, False)
    assert [letter.payload for letter in box.after(0)] == [b"%d" % number for number in range(5, MOST_LETTERS + 5)]


async def test_silence_closes_a_box_and_a_question_keeps_it() -> None:
    now = 100.0
    boxes = Mailboxes(lambda: now, grace_s=30.0)
    first, second = boxes.open("site-01", 60.0), boxes.open("site-02", 10.0)
    now += 100.0
    assert boxes.close_silent() == ["site-02"]
    with pytest.raises(Gone, match="no box"):
        boxes.find("site-02", second.name)
    now += 109.0
    assert boxes.find("site-01", first.name) is first
    now += 209.0
    assert boxes.close_silent() == []
    now += 2.0
    assert boxes.close_silent() == ["site-01"]
    assert len(boxes) == 0


async def test_letters_from_any_thread_and_none_for_who_is_not_there() -> None:
    boxes = Mailboxes(lambda: 0.0)
    boxes.send("site-01", "cmd/3f2a9c1e", b"before anybody came")
    box = boxes.open("site-01", 60.0)
    boxes.send("site-01", "cmd/3f2a9c1e", b"1")
    boxes.send("site-02", "cmd/3f2a9c1e", b"2")
    await until(box.news.is_set)
    assert [letter.payload for letter in box.after(0)] == [b"1"]
    boxes.close_all()
    with pytest.raises(Gone, match="stops"):
        boxes.open("site-01", 60.0)
