"""Chat calls that are never paid for twice; start at ``engine``."""
