"""Batches in: decode, apply exactly once in effect, acknowledge after commit."""
