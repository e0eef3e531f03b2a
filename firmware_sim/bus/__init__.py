"""Lines between a device and its reader: framing, timing, and everything that goes wrong on them on purpose."""
