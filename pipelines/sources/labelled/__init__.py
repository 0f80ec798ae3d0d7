"""Readers of corpora whose utterances carry labels (FlexiVoice Table 6): one file a layout."""
