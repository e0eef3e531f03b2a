"""Union-find: what is joined pairwise is one group."""


class Joined:
    """Groups of the numbers 0…size−1; the least number of a group stands for it."""

    def __init__(self, size: int) -> None:
        self._up = list(range(size))

    def find(self, one: int) -> int:
        while self._up[one] != one:
            self._up[one] = self._up[self._up[one]]
            one = self._up[one]
        return one

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.find(one), self.find(other)))
        self._up[high] = low

    def groups(self) -> list[list[int]]:
        """Members in order, the group with the least member first."""
        found: dict[int, list[int]] = {}
        for one in range(len(self._up)):
            found.setdefault(self.find(one), []).append(one)
        return [found[key] for key in sorted(found)]
