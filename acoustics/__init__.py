"""Models that listen, and where their weights come from: used by the pipelines and the trainer.

Imports nothing of this project, so that either side may import it.
"""
