"""The twin's merge: RFC 7396 to the letter, and no write on a version that is gone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadMessage
from agent.domain.twin import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VERSION,
    StaleVersion,
    Twin,
    TwinMessage,
    decode_twin,
    diff,
    encode_twin,
    merge_patch,
)


# RFC 7396, appendix A: original, patch, result.
@pytest.mark.parametrize(
    ("original", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_cases_of_the_rfc(original: Any, patch: Any, result: Any) -> None:
    assert merge_patch(original, patch) == result


keys = st.sampled_from("abcd")
leaves = st.booleans() | st.integers(-3, 3) | st.floats(-1e9, 1e9) | st.text(max_size=2) | st.lists(st.integers())
documents = st.dictionaries(
    keys, st.recursive(leaves, lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=8), max_size=4
)


def same(left: Any, right: Any) -> bool:
    """Equal, types included: True is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


@given(documents, documents)
def test_a_difference_leads_from_old_to_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert same(merge_patch(old, diff(old, new)), new)


@given(documents)
def test_nothing_differs_from_itself(document: dict[str, Any]) -> None:
    assert diff(document, document) == {}


@given(documents, documents)
def test_merging_twice_is_merging_once(document: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge_patch(document, patch)
    assert merge_patch(once, patch) == once


@given(documents, documents)
def test_merging_changes_neither_side(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = repr(old), repr(new)
    merge_patch(old, new)
    diff(old, new)
    assert (repr(old), repr(new)) == before


def test_a_write_on_the_present_version() -> None:
    twin = Twin().write({"a": 1}, expected=0).write({"b": 2, "a": None}, expected=1)
    assert twin == Twin(2, {"b": 2})


def test_a_write_on_a_version_that_is_gone_is_refused() -> None:
    twin = Twin(5, {"a": 1})
    with pytest.raises(StaleVersion) as caught:
        twin.write({"a": 2}, expected=4)
    assert (caught.value.expected, caught.value.current) == (4, 5)
    assert twin.doc == {"a": 1}


def test_a_patch_leads_on_from_its_base() -> None:
    assert Twin(5, {"a": 1}).apply(TwinMessage(7, base=5, patch={"b": 2})) == Twin(7, {"a": 1, "b": 2})


@pytest.mark.parametrize("base", [4, 6, None])
def test_a_patch_on_another_version_is_refused(base: int | None) -> None:
    with pytest.raises(StaleVersion):
        Twin(5, {"a": 1}).apply(TwinMessage(6, base=base, patch={}))


def test_a_whole_document_replaces_whatever_was_there() -> None:
    assert Twin(9, {"a": 1}).apply(TwinMessage(2, doc={"b": 2})) == Twin(2, {"b": 2})


@given(st.integers(0, MAX_VERSION - 1), documents)
def test_messages_come_back(version: int, document: dict[str, Any]) -> None:
    whole = TwinMessage(version, doc=document)
    patch = TwinMessage(version + 1, base=version, patch=document)
    assert decode_twin(encode_twin(whole)).doc == document
    assert decode_twin(encode_twin(patch)) == patch


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'{"version":1}',
        b'{"version":1,"doc":{},"patch":{}}',
        b'{"version":"1","doc":{}}',
        b'{"version":-1,"doc":{}}',
        b'{"version":9007199254740993,"doc":{}}',
        b'{"version":1,"doc":[]}',
        b"\xff",
        b'{"version":1,"doc":' + b'{"a":' * 100_000,
    ],
)
def test_what_is_no_twin_is_bad_input(data: bytes) -> None:
    with pytest.raises(BadMessage, match="twin"):
        decode_twin(data)


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth - 1):
        document = {"a": document}
    return document


def test_depth_is_bounded() -> None:
    decode_twin(encode_twin(TwinMessage(1, doc=nested(MAX_DEPTH))))
    with pytest.raises(BadMessage, match="deeper"):
        decode_twin(encode_twin(TwinMessage(1, doc=nested(MAX_DEPTH + 1))))
    with pytest.raises(BadMessage, match="deeper"):
        decode_twin(encode_twin(TwinMessage(1, base=0, patch={"a": [[nested(MAX_DEPTH)]]})))


def test_size_is_bounded() -> None:
    with pytest.raises(BadMessage, match="bytes"):
        decode_twin(encode_twin(TwinMessage(1, doc={"a": "x" * MAX_BYTES})))


def test_a_squeezed_message_is_shorter_and_the_same() -> None:
    message = TwinMessage(7, doc={"sources": {"inverter": {"profile": "sunspec", "reachable": True}}})
    assert decode_twin(encode_twin(message, squeezed=True)) == message
    assert len(encode_twin(message, squeezed=True)) < len(encode_twin(message)) / 2


def test_every_truncation_and_a_bomb_are_refused() -> None:
    squeezed = encode_twin(TwinMessage(7, doc={"agent": {"version": "1"}}), squeezed=True)
    for length in range(len(squeezed)):
        with pytest.raises(BadMessage, match="twin"):
            decode_twin(squeezed[:length])
    with pytest.raises(BadMessage, match="twin"):
        decode_twin(squeezed + b"more")
    with pytest.raises(BadMessage, match="at most"):
        decode_twin(encode_twin(TwinMessage(7, doc={"a": "x" * (1 << 22)}), squeezed=True))
