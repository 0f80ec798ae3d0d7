"""The training loop: optimiser, schedule, ranks, checkpoints, logs; what is trained is a task."""
