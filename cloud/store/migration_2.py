"""From version 1 to 2: incidents and job runs. The statements stay as they are, whatever the tables become later."""

from typing import Final

from sqlalchemy import Connection

_INCIDENTS: Final = """
CREATE TABLE incidents (
  id VARCHAR NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, cause TEXT NOT NULL, code TEXT NOT NULL,
  codes TEXT NOT NULL, subject TEXT NOT NULL, maker TEXT NOT NULL, model TEXT NOT NULL, firmware TEXT NOT NULL,
  severity TEXT NOT NULL, action TEXT NOT NULL, first_ms BIGINT NOT NULL, last_ms BIGINT NOT NULL,
  active BOOLEAN NOT NULL, sites INTEGER NOT NULL, active_sites INTEGER NOT NULL, cost_per_day FLOAT NOT NULL,
  certainty FLOAT NOT NULL, score FLOAT NOT NULL, why TEXT NOT NULL, note TEXT NOT NULL, state TEXT NOT NULL,
  owner TEXT NOT NULL, comment TEXT NOT NULL, version INTEGER NOT NULL, state_ms BIGINT NOT NULL,
  opened_ms BIGINT NOT NULL, reopened INTEGER NOT NULL, quiet_until_ms BIGINT, merged_into TEXT NOT NULL,
  PRIMARY KEY (id)
)"""
_SITES: Final = """
CREATE TABLE incident_sites (
  incident VARCHAR NOT NULL, device VARCHAR NOT NULL, code VARCHAR NOT NULL, first_ms BIGINT NOT NULL,
  last_ms BIGINT NOT NULL, active BOOLEAN NOT NULL, episodes INTEGER NOT NULL, cost_per_day FLOAT NOT NULL,
  certainty FLOAT NOT NULL, why TEXT NOT NULL, PRIMARY KEY (incident, device, code)
)"""
_HISTORY: Final = """
CREATE TABLE incident_history (
  incident VARCHAR NOT NULL, number INTEGER NOT NULL, at_ms BIGINT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
  detail TEXT NOT NULL, PRIMARY KEY (incident, number)
)"""
_LESSONS: Final = """
CREATE TABLE lessons (
  incident VARCHAR NOT NULL, scope TEXT NOT NULL, subject TEXT NOT NULL, cause TEXT NOT NULL, until_ms BIGINT NOT NULL,
  who TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (incident)
)"""
_SPANS: Final = """
CREATE TABLE equipment_spans (
  device VARCHAR NOT NULL, source VARCHAR NOT NULL, since_ms BIGINT NOT NULL, maker TEXT NOT NULL, model TEXT NOT NULL,
  firmware TEXT NOT NULL, PRIMARY KEY (device, source, since_ms)
)"""
_RUNS: Final = """
CREATE TABLE job_runs (
  id INTEGER NOT NULL, job TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, who TEXT NOT NULL,
  attempt INTEGER NOT NULL, started_ms BIGINT NOT NULL, ended_ms BIGINT, exit INTEGER, message TEXT NOT NULL,
  PRIMARY KEY (id)
)"""
_INDEXES: Final = (
    "CREATE INDEX incident_sites_by_device ON incident_sites (device)",
    "CREATE INDEX job_runs_by_job ON job_runs (job, id)",
)


def to_version_2(connection: Connection) -> None:
    """Add the tables; what was there stays as it is."""
    for statement in (_INCIDENTS, _SITES, _HISTORY, _LESSONS, _SPANS, _RUNS, *_INDEXES):
        connection.exec_driver_sql(statement)
