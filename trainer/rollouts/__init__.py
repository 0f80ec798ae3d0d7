"""Rollouts: what the policy says to a prompt, several times, with the log-probs it was drawn by."""
