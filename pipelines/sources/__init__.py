"""Source readers: raw dump -> utterances and rejections. A corpus's quirks stop in its own file.

``registry.make_source`` gives the reader for the settings of a source; nothing is imported here,
because commands that only need the settings should start at once.
"""
