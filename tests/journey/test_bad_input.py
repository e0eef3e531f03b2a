"""Bad input, as a person meets it: one clear line that names what was wrong, a non-zero exit, nothing lost."""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.broker import MOSQUITTO, MosquittoBroker
from tests.helpers.programs import Program, run, wait_for

SITE = '[device]\nid = "home-1"\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refused(module: str, *arguments: str | Path) -> str:
    """The one line (and perhaps a hint) that a command leaves on refusing."""
    done = run(module, *arguments)
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) <= 2, lines
    return lines[0]


def profile(tmp_path: Path, registers: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "mine"\nmaker = "M"\nmodel = "X"\nsources = ["data sheet"]\n{registers}')
    return path


def test_a_profile_with_an_unknown_signal(tmp_path: Path) -> None:
    path = profile(tmp_path, '[[register]]\nsignal = "pv_powr"\nfunction = 3\naddress = 1\ntype = "u16"\n')
    line = refused("agent", "profiles", "check", path)
    assert "mine.toml:6" in line
    assert "pv_powr" in line
    assert "pv_power" in line


def test_a_profile_with_overlapping_registers(tmp_path: Path) -> None:
    path = profile(
        tmp_path,
        '[[register]]\nsignal = "pv_power"\nfunction = 3\naddress = 10\ntype = "u32"\n'
        '[[register]]\nsignal = "load_power"\nfunction = 3\naddress = 11\ntype = "u16"\n',
    )
    line = refused("agent", "profiles", "check", path)
    assert "mine.toml:" in line
    assert "11" in line
    assert "overlap" in line


@pytest.mark.parametrize("lacking", ["time", "battery_soc"])
def test_a_recording_without_a_needed_column(tmp_path: Path, lacking: str) -> None:
    columns = [name for name in ("time", "pv_power", "load_power", "battery_power", "battery_soc") if name != lacking]
    path = tmp_path / "day.csv"
    path.write_text(
        ",".join(columns) + "\n" + ",".join(["2026-05-01T00:00:00Z", "1", "1", "1", "1"][: len(columns)]) + "\n"
    )
    line = refused("agent", "replay", path, "--published")
    assert "day.csv" in line
    assert lacking in line


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[device]\nid = "No Spaces"\n', "No Spaces"),
        (SITE + "[poll]\ninterval_s = 0\n", "poll.interval_s"),
        (SITE + "[poll]\nintervall_s = 5\n", "intervall_s"),
        (SITE + '[site]\ntimezone = "Europe/Berlinn"\n', "Europe/Berlinn"),
        (SITE + "[site]\nlatitude = 95\nlongitude = 1\n", "site.latitude"),
        (SITE + '[[source]]\nname = "a"\nprofile = "sunspeck"\nhost = "x"\n', "sunspeck"),
        (SITE + "[diagnosis.battery_not_charging]\ndebounce_s = -1\n", "debounce_s"),
        ("[device\n", "TOML"),
    ],
)
def test_a_site_file_that_cannot_be(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "site.toml").write_text(text)
    line = refused("agent", "run", "--config", tmp_path / "site.toml")
    assert "sunspeck" in named or "site.toml" in line
    assert named in line


def test_the_page_port_is_taken(tmp_path: Path, taken_port: int) -> None:
    (tmp_path / "cloud.toml").write_text(f"[http]\nport = {taken_port}\n")
    assert f"127.0.0.1:{taken_port}" in refused("cloud", "serve", "--config", tmp_path / "cloud.toml")


def test_the_simulators_port_is_taken(taken_port: int) -> None:
    origin = "2026-05-01T00:00:00Z"
    line = refused("firmware_sim", "serve", "boiler-healthy", "--port", str(taken_port), "--origin", origin)
    assert str(taken_port) in line


def test_a_journal_of_a_newer_version(site: Path) -> None:
    assert run("agent", "run", "--config", site, "--until-drained").returncode == 0
    journal = site.parent / "state" / "journal.db"
    with closing(sqlite3.connect(journal)) as database:
        records = database.execute("SELECT count(*) FROM records").fetchone()
        database.execute("PRAGMA user_version = 99")
        _raise_version(database)
    line = refused("agent", "run", "--config", site, "--until-drained")
    assert "journal.db" in line
    assert "99" in line
    with closing(sqlite3.connect(journal)) as database:
        assert database.execute("SELECT count(*) FROM records").fetchone() == records


def _raise_version(database: sqlite3.Connection) -> None:
    """Whichever table says the version, say 99 there."""
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
        if "version" in columns:
            database.execute(f"UPDATE {name} SET version = 99")
    database.commit()


def test_a_fleet_database_of_a_newer_version(tmp_path: Path) -> None:
    (tmp_path / "cloud.toml").write_text("[http]\nport = 0\n")
    assert run("cloud", "quarantine", "--config", tmp_path / "cloud.toml").returncode == 0
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as database:
        _raise_version(database)
    line = refused("cloud", "serve", "--config", tmp_path / "cloud.toml")
    assert "fleet.db" in line
    assert "99" in line


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")
def test_a_broker_that_refuses(tmp_path: Path, site: Path) -> None:
    with MosquittoBroker(tmp_path / "broker", users={"home-1": "right"}) as broker:
        uplink = f'[uplink]\nhost = "127.0.0.1"\nport = {broker.port}\nusername = "home-1"\npassword = "wrong"\n'
        site.write_text(SITE + uplink)
        done = run("agent", "run", "--config", site)
        (tmp_path / "cloud.toml").write_text(
            f'[http]\nport = 0\n[broker]\nport = {broker.port}\nusername = "aggregator"\npassword = "wrong"\n'
        )
        cloud = run("cloud", "serve", "--config", tmp_path / "cloud.toml")
    assert done.returncode == 2, done.stderr
    assert f"127.0.0.1:{broker.port}: refuses user 'home-1'" in done.stderr
    assert cloud.returncode == 2, cloud.stderr
    assert "refuses" in cloud.stderr
    assert "Traceback" not in done.stderr + cloud.stderr


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")
def test_a_device_that_was_commissioned_survives_a_refusal(tmp_path: Path, site: Path) -> None:
    assert run("agent", "run", "--config", site, "--until-drained").returncode == 0
    with closing(sqlite3.connect(tmp_path / "state" / "journal.db")) as database:
        database.execute("UPDATE meta SET value = 1 WHERE key = 'acknowledged'")
        database.commit()
    with MosquittoBroker(tmp_path / "broker", users={"home-1": "right"}) as broker:
        uplink = f'[uplink]\nhost = "127.0.0.1"\nport = {broker.port}\nusername = "home-1"\npassword = "wrong"\n'
        site.write_text(SITE + uplink)
        with Program("agent", ["run", "--config", site], tmp_path / "log") as agent:
            wait_for("the refusal in the log", lambda: "refuses user" in agent.said())
            assert not agent.ended()
