"""When the running agent has its certificate renewed, and what it tells."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.identity.files import About, IdentityFiles, Pair
from agent.identity.keeper import IdentityKeeper, in_a_child
from tests.helpers.identities import DAY_MS, rng
from tests.helpers.uplinks import START_MS, RealClock

HOUR_S = 3600.0


class SetRealClock(RealClock):
    """Shows what it is set to."""

    def __init__(self, at_ms: int) -> None:
        super().__init__()
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms


class Home:
    """A keeper over files; renewal gives what `answers` hold, and writes a new pair where that is empty."""

    def __init__(self, state: Path) -> None:
        self.files = IdentityFiles(state)
        self.clock = SetRealClock(START_MS)
        self.answers: list[str] = []
        self.asked = 0
        self.keeper = IdentityKeeper(state, self.clock, self.renew, rng())

    def write(self, start_ms: int) -> None:
        about = About("site-01", "https://x", start_ms, start_ms + 365 * DAY_MS, start_ms + 240 * DAY_MS)
        self.files.write_pair(Pair(about, "", ""))

    async def renew(self) -> str:
        self.asked += 1
        said = self.answers.pop(0) if self.answers else ""
        if not said:
            self.write(self.clock.at_ms)
        return said


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


async def test_without_a_certificate_it_looks_once_a_day(home: Home) -> None:
    assert await home.keeper.look() == 24 * HOUR_S
    assert home.keeper.health() == {}


async def test_it_renews_when_it_is_due_and_not_before(home: Home) -> None:
    home.write(START_MS)
    assert await home.keeper.look() == 24 * HOUR_S
    assert home.keeper.health() == {"certificate_expires_ms": START_MS + 365 * DAY_MS}
    home.clock.at_ms += 240 * DAY_MS - 1
    assert (await home.keeper.look(), home.asked) == (24 * HOUR_S, 0)
    home.clock.at_ms += 1
    assert (await home.keeper.look(), home.asked) == (24 * HOUR_S, 1)
    assert home.keeper.health() == {"certificate_expires_ms": home.clock.at_ms + 365 * DAY_MS}


async def test_it_tries_again_and_says_why_it_does_not_work(home: Home) -> None:
    home.write(START_MS)
    home.answers = ["nobody there", "nobody there", ""]
    home.clock.at_ms += 241 * DAY_MS
    assert 0.5 * HOUR_S <= await home.keeper.look() <= 1.5 * HOUR_S
    assert home.keeper.health()["certificate_problem"] == "nobody there"
    home.clock.at_ms += 200 * DAY_MS
    assert 300 <= await home.keeper.look() <= 900
    assert await home.keeper.look() == 24 * HOUR_S
    assert "certificate_problem" not in home.keeper.health()


async def test_a_clock_that_was_never_set_renews_nothing(home: Home) -> None:
    home.write(0)
    home.clock.at_ms = 300 * DAY_MS
    assert (await home.keeper.look(), home.asked) == (24 * HOUR_S, 0)


async def test_a_damaged_file_is_told_and_ends_nothing(home: Home) -> None:
    home.write(START_MS)
    home.files.device.write_text("nonsense")
    assert await home.keeper.look() == 24 * HOUR_S
    assert "device.pem" in home.keeper.health()["certificate_problem"]
    home.write(START_MS)
    await home.keeper.look()
    assert "certificate_problem" not in home.keeper.health()


async def test_a_program_says_in_its_first_line_why_not() -> None:
    assert await in_a_child([sys.executable, "-c", ""]) == ""
    says = "import sys; print('no line to it', file=sys.stderr); print('  a hint', file=sys.stderr); sys.exit(1)"
    assert await in_a_child([sys.executable, "-c", says]) == "no line to it"
    assert await in_a_child([sys.executable, "-c", "raise SystemExit(3)"]) == "renewal ended with status 3"
    assert "cannot be run" in await in_a_child(["/no/such/program"])


def test_the_running_agent_never_loads_the_library() -> None:
    code = "import agent.app, agent.identity.keeper, sys; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
