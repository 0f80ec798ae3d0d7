"""Parts of `trainer.evaluate`: test cases, what a model makes of them, what judges hear in it."""
