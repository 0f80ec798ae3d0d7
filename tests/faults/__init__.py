"""Faults, each injected into the real commands; README.md says which test injects which."""
