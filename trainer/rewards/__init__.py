"""Rewards: what a rollout is worth. Asynchronous, batched, a number or None."""
