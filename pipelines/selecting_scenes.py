"""``pipelines.select`` for role-play scenes: two passes, the splits between them, a certificate.

What is left in the output folder besides the parts: ``certificate.json``, how the corpus was split
and what :mod:`pipelines.check_splits` checks, and ``splits.json``, where every recording belongs
and which scenes the test set has, for programs that ask.
"""

from __future__ import annotations

import argparse
import json

from pipelines import cli, files
from pipelines.errors import StageFailed
from pipelines.params import Params
from pipelines.run import run_stage
from pipelines.stage import open_stage
from pipelines.stages.select_scenes import Places, SelectScenesSettings, SelectScenesStage
from pipelines.stages.split_certificate import HELD_OUT, TRAIN, Certificate, SplitSettings
from pipelines.stages.split_survey import SplitSurvey, survey_splits
from pipelines.stages.splits import Splits, split_fingerprints
from pipelines.summary import summary

CERTIFICATE = "certificate.json"
SPLITS = "splits.json"


def select_scenes(
    name: str, arguments: argparse.Namespace, params: Params, runner_flags: list[str]
) -> None:
    """Selects the scenes of one source and says what became of them.

    Raises:
        StageFailed: a worker failed, or the input is damaged.
        UsageError: there is no finished caption stage, or the style classifier is not installed.
    """
    folder = cli.one_input(arguments, params.folder(name, "caption"))
    output = arguments.output or params.folder(name, "select")
    parts = open_stage(folder, f"python -m pipelines.caption --source {name}").parts
    settings = SelectScenesSettings(
        filters=params.select_scenes,
        cutting=params.cut_scenes,
        rl=params.rl,
        style=params.style,
        store=params.store(name, "style"),
    )
    # Made here only to find bad settings before the first pass.
    SelectScenesStage(name, settings, Places(recordings={}, test_scenes=frozenset()))
    # What an earlier run left is no longer so.
    files.delete([files.join(output, one) for one in ("stage.json", CERTIFICATE, SPLITS)])
    found = survey_splits(
        parts,
        settings.filters,
        settings.cutting,
        params.splits,
        output,
        limit=arguments.limit,
        runner_flags=runner_flags,
    )
    splits = split_corpus(found, params.splits)
    certificate = splits.certificate
    files.write_text(files.join(output, CERTIFICATE), certificate.to_json())
    files.write_text(files.join(output, SPLITS), splits_json(splits, found))
    places = Places(recordings=splits.recordings, test_scenes=frozenset(certificate.test_scenes))
    stage = SelectScenesStage(name, settings, places, arguments.limit)
    facts = run_stage(stage, parts, output, runner_flags=runner_flags)
    cli.say(summary(facts))
    for line in describe(certificate):
        cli.say(line)


def split_corpus(found: SplitSurvey, settings: SplitSettings) -> Splits:
    """The splits of a surveyed corpus.

    Raises:
        StageFailed: the survey contradicts itself.
    """
    try:
        return split_fingerprints(found.fingerprints, found.scenes, settings)
    except ValueError as error:
        raise StageFailed(f"select: {error}; run caption again") from error


def splits_json(splits: Splits, found: SplitSurvey) -> str:
    """Where every recording belongs, and the test scenes by their number of turns."""
    drawn = set(splits.certificate.test_scenes)
    by_turns: dict[int, list[str]] = {row.turns: [] for row in splits.certificate.test_table}
    for name, _, turns in found.scenes:
        if name in drawn:
            by_turns[turns].append(name)
    content = {
        "recordings": dict(sorted(splits.recordings.items())),
        "test_scenes": {str(turns): sorted(names) for turns, names in by_turns.items()},
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def describe(certificate: Certificate) -> list[str]:
    """The splits as a person reads them: sizes, the test set by length, and every warning."""
    train, held_out = (certificate.sides[side] for side in (TRAIN, HELD_OUT))
    drawn = len(certificate.test_scenes)
    lines = [
        f"splits: train {train.recordings:,} recordings, {train.scenes:,} scenes; "
        f"held out {held_out.recordings:,} recordings, {held_out.scenes:,} scenes, "
        f"{drawn:,} of them the test set"
    ]
    if not held_out.recordings:
        recordings = train.recordings
        share = certificate.settings.max_test_share
        lines.append(
            f"warning: nothing is held out and there is no test set. Of {recordings:,} recordings "
            f"at most {int(recordings * share):,} may be held out (splits.max_test_share {share}); "
            f"{certificate.largest_component:,} belong together, because they share a series, a "
            f"video, a file or a transcript; {certificate.unknown_series:,} are of unknown series, "
            "which is never held out. Do not measure anything on what you train on."
        )
        return lines
    lines.append(
        "test scenes by turns (drawn/available): "
        + ", ".join(
            f"{row.turns}: {row.chosen:,}/{row.available:,}" for row in certificate.test_table
        )
    )
    return lines + [f"warning: {warning}" for warning in certificate.warnings]
