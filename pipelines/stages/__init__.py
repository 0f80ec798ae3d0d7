"""The pure core of each stage, and the stage that calls it."""
