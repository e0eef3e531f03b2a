"""Histories of random sites whose faults are known: in the process, without a line, minute by minute."""
