import logging

from agent.log_tail import LogTail


def test_the_newest_lines_are_kept() -> None:
    tail = LogTail(3)
    log = logging.Logger("emberwatt.test")
    log.addHandler(tail)
    for number in range(5):
        log.info("line %d", number)
    assert [line.rpartition(": ")[2] for line in tail.lines(10)] == ["line 2", "line 3", "line 4"]
    assert len(tail.lines(1)) == 1
    assert "INFO emberwatt.test" in tail.lines(1)[0]


def test_a_line_is_one_line_and_not_endless() -> None:
    tail = LogTail()
    log = logging.Logger("emberwatt.test")
    log.addHandler(tail)
    try:
        raise OSError("no\nroom")
    except OSError:
        log.exception("two\nlines %s", "x" * 5000)
    (line,) = tail.lines(5)
    assert "\n" not in line
    assert len(line) <= 400
    try:
        raise OSError("no room")
    except OSError:
        log.exception("short")
    assert "OSError('no room')" in tail.lines(1)[0]
