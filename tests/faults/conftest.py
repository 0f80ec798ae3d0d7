"""The workplace and the chat server of the end-to-end tests, here too."""

from __future__ import annotations

from tests.e2e.conftest import running, server, workplace

__all__ = ["running", "server", "workplace"]
