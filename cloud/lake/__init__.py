"""Closed days in Parquet files, and what runs over them: threads here, or Spark."""
