"""Damaged input for every parser of outside data; `python -m tests.fuzz` is the long run."""
