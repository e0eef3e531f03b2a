"""Nothing is lost: the append-only journal in SQLite."""
