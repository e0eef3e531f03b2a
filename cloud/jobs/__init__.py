"""Nightly analyses as jobs: when they run, what they wrote, how they ended."""
