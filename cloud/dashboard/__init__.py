"""The pages a fleet manager reads."""
