"""Shards with codes -> rows, batches and packs, the same to the bit after a kill as without."""
