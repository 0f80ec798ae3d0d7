"""The judges of an evaluation: each hears some tasks, and what it heard is kept."""
