from hypothesis import given
from hypothesis import strategies as st

from cloud.incidents.joining import Joined


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40), st.randoms())
def test_groups_are_the_connected_parts_in_whatever_order_they_are_joined(
    size: int, pairs: list[tuple[int, int]], chance: object
) -> None:
    pairs = [(one % size, other % size) for one, other in pairs]
    joined = Joined(size)
    for one, other in pairs:
        joined.join(one, other)
    again = Joined(size)
    for one, other in reversed(pairs):
        again.join(other, one)
    assert joined.groups() == again.groups()
    assert sorted(n for group in joined.groups() for n in group) == list(range(size))
    for one, other in pairs:
        assert joined.find(one) == joined.find(other)
    edges = {frozenset(pair) for pair in pairs}
    for group in joined.groups():
        rest = set(group[1:])
        reached = {group[0]}
        while rest:
            near = {n for n in rest if any(frozenset((n, m)) in edges for m in reached)}
            assert near, "a group that hangs together"
            reached |= near
            rest -= near
