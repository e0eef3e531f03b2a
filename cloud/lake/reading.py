"""The lake as tables of DuckDB, on this machine."""

import duckdb

from agent.domain.errors import BadSetup
from cloud.lake.store import FILE, Lake
from cloud.lake.tables import KINDS


def open_duckdb(address: str) -> duckdb.DuckDBPyConnection:
    """A connection in which every kind that has a sealed day is a view of its name, with the column `date`.

    For a folder; other addresses need DuckDB's own extension (`INSTALL httpfs`) and its credentials.
    """
    lake = Lake(address)
    connection = duckdb.connect()
    # Times are kept in UTC; without this DuckDB would show them in the zone of this machine.
    connection.execute("SET TimeZone = 'UTC'")
    for kind in KINDS.values():
        if lake.days(kind):
            files = f"{address.rstrip('/')}/kind={kind.name}/*/{FILE}".replace("'", "''")
            try:
                connection.execute(
                    f"CREATE VIEW {kind.name} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)"
                )
            except duckdb.Error as error:
                connection.close()
                raise BadSetup(address, f"DuckDB cannot read {kind.name}: {error}") from error
    return connection
