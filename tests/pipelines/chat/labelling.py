"""A command that labels rows, for tests that need a process of its own to kill or to race."""

from __future__ import annotations

import argparse

from tests.pipelines.chat.support import answered, ask, request

if __name__ == "__main__":
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--journal", required=True)
    parser.add_argument("--rows", type=int, nargs=2, required=True)
    parser.add_argument("--in-flight", type=int, default=16)
    arguments = parser.parse_args()
    requests = [request(number) for number in range(*arguments.rows)]
    outcomes, usage = ask(
        arguments.base_url, arguments.journal, requests, max_in_flight=arguments.in_flight
    )
    print(len(answered(outcomes)), usage.calls)
