"""What the figures of the README come from: each beside its baseline, in the same run."""
