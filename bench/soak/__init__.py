"""The promises, broken on purpose: each case breaks one or more of them and counts what happened."""
