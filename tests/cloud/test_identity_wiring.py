"""Identity put together from a file; what looks after it while the aggregator runs."""

import asyncio
from pathlib import Path

import pytest

from cloud.config import load
from cloud.identity_wiring import caretaker_if_any, desk_if_any, folder_of, look_after
from cloud.store.database import Database
from tests.helpers.identities import HOSTS, now_ms
from tests.helpers.uplinks import SetClock


def test_without_an_authority_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "cloud.toml").write_text("")
    loaded, clock = load(tmp_path / "cloud.toml"), SetClock(now_ms())
    with Database(loaded.database_url, clock) as database:
        assert desk_if_any(loaded, database, clock) is None
        assert caretaker_if_any(loaded, database, clock) == []


async def test_the_caretaker_renews_and_writes_the_list_and_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cloud.toml").write_text('[identity]\nfolder = "keys"\nreload = ["false"]\n')
    loaded, clock = load(tmp_path / "cloud.toml"), SetClock(now_ms())
    folder = folder_of(loaded)
    assert folder.path == tmp_path / "keys"
    folder.refresh(folder.create(clock.now_ms()), clock.now_ms(), HOSTS)
    folder.aggregator.unlink()
    with Database(loaded.database_url, clock) as database:
        desk = desk_if_any(loaded, database, clock)
        assert desk is not None
        assert [name for name, _ in caretaker_if_any(loaded, database, clock)] == ["identity"]
        task = asyncio.create_task(look_after(desk))
        try:
            async with asyncio.timeout(10):
                while "ended with status 1" not in caplog.text:
                    await asyncio.sleep(0.01)
            assert folder.aggregator.exists()
            assert folder.revoked.exists()
            assert not task.done()
        finally:
            task.cancel()
