"""The narrow waist: records <-> Lhotse cuts <-> Shar shards, and their validation.

The pipelines write shards through here, the trainer reads them through here, and nobody else
knows what a shard's files are called. Imports :mod:`schemas` only.
"""
