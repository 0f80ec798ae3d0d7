"""What the loop can train: supervised fine-tuning, preference pairs, rewards."""
