"""Commands that build the corpora; importing this package imports neither torch nor lhotse."""
