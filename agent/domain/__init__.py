"""The heart: what signals, faults, reliability and the wire mean. No clock, no I/O, no log."""
