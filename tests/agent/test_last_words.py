from pathlib import Path

from agent.last_words import LastWords


def test_why_it_ended_is_read_at_the_next_start(tmp_path: Path) -> None:
    words = LastWords(tmp_path)
    assert words.take() == ""
    assert words.take() == "killed, or the power was cut"
    words.say("stopped")
    assert words.take() == "stopped"
    words.say("watchdog: no reading for 200 s")
    assert words.take().startswith("watchdog")


def test_a_disk_that_is_gone_is_no_reason_to_stop(tmp_path: Path) -> None:
    words = LastWords(tmp_path / "gone")
    words.say("stopped")
    assert words.take() == ""
