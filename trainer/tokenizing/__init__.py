"""Parts of `trainer.tokenize`: shards with audio -> shards with codes, and fitting a codec."""
