"""What devices told of their learned models: records of the kind `model`."""

from sqlalchemy import select

from agent.domain.detecting import MODEL_RECORD, ModelDay, model_day
from cloud.store import schema
from cloud.store.database import Database


def model_days(database: Database, since_ms: int) -> list[tuple[str, ModelDay]]:
    """Days of models that devices told of since then; a record that cannot be read is passed over."""
    others = schema.others.c
    query = select(others.device, others.raw).where(others.kind == MODEL_RECORD, others.at_ms >= since_ms)
    found = []
    with database.read() as connection:
        for device, raw in connection.execute(query):
            try:
                found.append((device, model_day(bytes(raw))))
            except ValueError:
                continue
    return found
