-- One append-only journal. `seq` rises by one. The newest record is never deleted, so max(seq) is always the last number given.
CREATE TABLE records (
    seq     INTEGER PRIMARY KEY,
    kind    TEXT    NOT NULL,
    at_ms   INTEGER NOT NULL,
    clock   INTEGER NOT NULL,
    boot    BLOB    NOT NULL,
    mono_ms INTEGER NOT NULL,
    body    BLOB    NOT NULL
);

-- epoch (8 random bytes), acknowledged (integer), checkpoint (bytes, absent before the first).
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

INSERT INTO meta VALUES ('epoch', randomblob(8));

INSERT INTO meta VALUES ('acknowledged', 0);
