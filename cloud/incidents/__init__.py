"""Incidents: what many faults and findings have in common, and what became of it."""
