"""What comes after `python -m trainer.evaluate`: one module a word, light to import."""
