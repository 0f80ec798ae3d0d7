"""The papers' metrics, one idea a file: pure functions from what was heard to a figure."""
