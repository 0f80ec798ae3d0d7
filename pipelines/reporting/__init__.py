"""The report: what the stage folders of each corpus say, gathered once and shown twice.

``gather`` reads folders into the dataclasses of ``facts``; ``terminal`` and ``page`` show those.
"""
