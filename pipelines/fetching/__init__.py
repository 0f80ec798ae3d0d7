"""Episodes -> episodes whose video is at hand (MCLP 5.1), and a ledger of those that are not.

``fetch.fetch_episodes`` is the entry; nothing is imported here, because commands that only need the
settings should start at once.
"""
