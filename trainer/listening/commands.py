"""The work behind ``python -m trainer.listen``."""

from __future__ import annotations

import argparse
from pathlib import Path

from trainer.cli import say
from trainer.listening.analysis import analyse as analyse_ratings
from trainer.listening.findings import table, write_findings
from trainer.listening.key import read_key
from trainer.listening.making import KEY_NAME, make_test
from trainer.listening.ratings import read_ratings
from trainer.listening.settings import ListenSettings
from trainer.settings import load_settings


def collect(arguments: argparse.Namespace) -> None:
    """A table of clips out of an evaluation."""
    from trainer.listening.collecting import TABLE
    from trainer.listening.collecting import collect as collect_clips

    folder = Path(arguments.folder)
    for system, count in collect_clips(folder, arguments.systems).items():
        say(f"{system}: {count} clips")
    say(f"clips: {folder / TABLE}")


def make(arguments: argparse.Namespace) -> None:
    """Pages and key out of a table of clips."""
    settings = load_settings(arguments.config, ListenSettings, arguments.changes)
    clips, output = Path(arguments.clips), Path(arguments.output)
    audio = Path(arguments.audio) if arguments.audio else clips.parent
    made = make_test(clips, audio, output, arguments.test, settings)
    if made.unused_columns:
        say(f"columns that are not used: {', '.join(made.unused_columns)}")
    gold = sum(item.low is not None for item in made.key.items.values())
    each = sorted(len(sheet.entries) for sheet in made.key.sheets)
    say(
        f"{arguments.test}: {len(made.key.items) - gold} items with {settings.ratings_per_clip} "
        f"ratings each, and {gold} gold items; {len(made.pages)} sheets of "
        f"{each[0]} to {each[-1]} items"
    )
    say(f"give one page to each rater: {made.pages[0].parent}")
    say(f"keep to yourself: {output / KEY_NAME}")


def analyse(arguments: argparse.Namespace) -> None:
    """Means and agreement out of what raters sent back."""
    key = read_key(Path(arguments.key))
    rated = read_ratings(map(Path, arguments.ratings), key)
    found = analyse_ratings(key, rated, arguments.unit)
    output = Path(arguments.output)
    write_findings(found, output)
    say(table(found))
    say(f"measurements: {output / 'measurements.jsonl'}")
