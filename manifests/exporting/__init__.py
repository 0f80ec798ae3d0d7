"""Shar shards -> the forms that other tools load: WebDataset tars, Parquet with audio, a card."""
