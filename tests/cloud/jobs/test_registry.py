import pytest

from agent.domain.errors import BadSetup
from cloud.jobs.registry import Job, Registry, filled
from cloud.jobs.schedule import Every


def test_jobs_keep_their_order_and_their_names_are_their_own() -> None:
    registry = Registry([Job("b", "", ()), Job("a", "", ())])
    assert [job.name for job in registry.jobs()] == ["b", "a"]
    with pytest.raises(BadSetup, match="another of this name"):
        registry.add(Job("a", "", ()))
    registry.reschedule("a", Every(60))
    assert registry.known("a").schedule == Every(60)


@pytest.mark.parametrize("name", ["", "../etc", "A", "x" * 41, "a/b", ".hidden"])
def test_a_name_that_cannot_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(BadSetup, match="expected a name"):
        Registry([Job(name, "", ())])


def test_an_unknown_job_is_named_with_those_there_are() -> None:
    with pytest.raises(BadSetup, match="expected one of a, b"):
        Registry([Job("a", "", ()), Job("b", "", ())]).known("c")


def test_gaps_become_a_word_several_words_or_none() -> None:
    values = {"out": "/r", "files": ["--f", "1", "--f", "2"], "none": []}
    assert filled(["x", "{files}", "{none}", "{out}/y"], values) == ["x", "--f", "1", "--f", "2", "/r/y"]
    assert filled(["{out}"], values) == ["/r"]


@pytest.mark.parametrize("word", ["{nothing}", "a{files}"])
def test_a_gap_that_nothing_fills_is_said(word: str) -> None:
    with pytest.raises(BadSetup, match="has no value"):
        filled([word], {"files": ["a"]})
