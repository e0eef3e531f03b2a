"""The fleet database."""
