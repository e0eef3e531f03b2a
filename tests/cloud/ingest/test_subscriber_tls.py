"""The aggregator's own login: with its certificate at the shipped broker, and what is said when that does not work."""

import asyncio
import random
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from cloud.ingest.subscriber import Subscriber, SubscriberSettings
from cloud.store.database import Database
from cloud.store.writer import SqlFleetWriter
from tests.helpers.broker import MOSQUITTO, free_port
from tests.helpers.identities import office
from tests.helpers.secure_broker import SecureBroker
from tests.helpers.uplinks import RealClock, until


def subscriber(database: Database, settings: SubscriberSettings) -> Subscriber:
    return Subscriber(settings, SqlFleetWriter(database), RealClock(), random.Random(1))


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")
async def test_it_logs_in_with_its_certificate_and_again_after_a_renewal(tmp_path: Path) -> None:
    with (
        office(tmp_path) as here,
        SecureBroker(tmp_path / "broker", here.folder.path) as broker,
        Database(f"sqlite:///{tmp_path / 'other.db'}", RealClock()) as database,
    ):
        files = {"ca_file": here.folder.ca, "cert_file": here.folder.aggregator}
        settings = SubscriberSettings("127.0.0.1", broker.port, reconnect_first_s=0.05, **files)
        made = subscriber(database, settings)
        task = asyncio.create_task(made.run())
        try:
            await until(lambda: made.stats.connected)
            broker.kill()
            await until(lambda: not made.stats.connected)
            here.folder.aggregator.unlink()
            assert here.desk.refresh() == [here.folder.aggregator]
            broker.start()
            await until(lambda: made.stats.connected)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("missing", ["ca_file", "cert_file"])
async def test_files_that_cannot_be_used_are_named(tmp_path: Path, missing: str) -> None:
    with office(tmp_path) as here, Database(f"sqlite:///{tmp_path / 'other.db'}", RealClock()) as database:
        files = {"ca_file": here.folder.ca, "cert_file": here.folder.aggregator, missing: tmp_path / "none.pem"}
        made = subscriber(database, SubscriberSettings("127.0.0.1", free_port(), **files))
        with pytest.raises(BadSetup, match=r"none.pem.*: cannot be used for TLS"):
            await made.run()
