"""The arguments that every command with a chat model takes."""

from __future__ import annotations

import argparse


def add_chat_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what every stage with a chat model takes."""
    chat = parser.add_argument_group("chat model")
    chat.add_argument("--chat-backend", choices=("auto", "openai", "embedded"))
    chat.add_argument("--chat-base-url", metavar="URL", help="an OpenAI-compatible server")
    chat.add_argument("--chat-model", metavar="NAME")
    chat.add_argument("--max-in-flight", type=int, metavar="N", help="calls at once")
    chat.add_argument("--max-cost", type=float, metavar="USD", help="make no call past this sum")
    chat.add_argument(
        "--journal",
        metavar="PATH",
        help="where replies are kept: a file, or postgresql://user@host/database",
    )
    chat.add_argument(
        "--replay-dead-letters", action="store_true", help="ask again what had no valid reply"
    )
    chat.add_argument(
        "--dry-run", action="store_true", help="estimate calls, tokens and money; call nothing"
    )
