"""`emberwatt demo`: a whole fleet on one machine, every part its own process, stopped together."""

from firmware_sim.demo.command import main

__all__ = ["main"]
