"""Twins as rows: one per device and side."""

from typing import Final

import msgspec
from sqlalchemy import Connection, select

from agent.domain.errors import BadMessage
from agent.domain.twin import MAX_BYTES, Document, Twin, merge_patch
from cloud.store import schema
from cloud.store.rows import Row
from cloud.store.upserts import put

_document: Final = msgspec.json.Decoder(Document)


def read_twin(connection: Connection, device: str, side: str) -> Twin:
    """One side of a device's twin; version 0 and empty before the first."""
    table = schema.twins
    query = select(table.c.version, table.c.doc).where(table.c.device == device, table.c.side == side)
    row = connection.execute(query).first()
    return Twin() if row is None else Twin(row.version, decode_document(row.doc))


def write_twin(connection: Connection, device: str, side: str, twin: Twin, now_ms: int) -> None:
    """Raises `BadMessage` when the document has grown too large."""
    put(connection, schema.twins.name, [twin_row(device, side, twin, now_ms)])


def twin_row(device: str, side: str, twin: Twin, now_ms: int) -> Row:
    """Nulls are left out, as RFC 7396 means them. Raises `BadMessage` when the document has grown too large."""
    doc = msgspec.json.encode(merge_patch({}, twin.doc))
    if len(doc) > MAX_BYTES:
        raise BadMessage(f"twin: document of {len(doc)} bytes, at most {MAX_BYTES} allowed")
    return {"device": device, "side": side, "version": twin.version, "doc": doc.decode(), "updated_ms": now_ms}


def decode_document(text: str) -> Document:
    """The document of a row."""
    return _document.decode(text)
