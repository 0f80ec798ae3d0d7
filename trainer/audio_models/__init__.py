"""Models that judge generated speech: who speaks, what is said, in which emotion."""
