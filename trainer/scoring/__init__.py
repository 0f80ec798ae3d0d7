"""Parts of `trainer.score`: pairs of candidate and ground truth in, MCLP of each out."""
