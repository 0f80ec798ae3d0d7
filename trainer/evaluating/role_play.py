"""Cases of role play: turns of the test scenes, with the speech before and without (MCLP 6.2).

With audio history the model is given scene, profiles and the turns so far as they were spoken;
without it, scene and profiles only.
"""

from __future__ import annotations

from dataclasses import dataclass

from manifests.codec import CodecIdentity
from trainer.data.context import context
from trainer.data.cuts import CodedFolder, CodedTurn, holds
from trainer.evaluating.case import ROLE_PLAY, Case, CaseTurn
from trainer.evaluating.labelled import draw_of
from trainer.evaluating.settings import RolePlaySettings
from trainer.text_normal import normalise


@dataclass(frozen=True, slots=True)
class Scenes:
    """The turns that are to be performed."""

    codec: CodecIdentity
    turns: tuple[CodedTurn, ...]
    wordless: int  # turns that are left out: nothing in them can be heard wrong


def read_scenes(settings: RolePlaySettings, seed: int) -> Scenes:
    """The turns that the settings choose, in the order of the shards.

    Raises:
        UsageError: the folder has no finished codes.
        DataError: a shard is damaged.
    """
    folder = CodedFolder(settings.folder)
    found = [
        turn
        for number in range(len(folder.shards))
        for turn in folder.read(number).turns
        if settings.turns == "all" or turn.number == len(turn.cut.manifest["supervisions"]) - 1
        if holds(turn, settings.where)
    ]
    whole = len(found)
    found = [turn for turn in found if normalise(turn.text)]  # else no error rate
    wordless = whole - len(found)
    if settings.count is not None:
        drawn = sorted(found, key=lambda turn: draw_of("role play", seed, turn.id).random())
        chosen = {turn.id for turn in drawn[: settings.count]}
        found = [turn for turn in found if turn.id in chosen]
    return Scenes(folder.codec, tuple(found), wordless)


def role_play_cases(scenes: Scenes, settings: RolePlaySettings) -> list[Case]:
    """Every turn twice: with what was said before it, and without."""
    cases = []
    for task in ROLE_PLAY:
        for number, turn in enumerate(scenes.turns):
            without = task == "rp_no_audio_history"
            before = context(turn, settings.context, without_history=without)
            cases.append(
                Case(
                    id=f"{task}-{settings.language}-{number:04d}",
                    task=task,
                    language=settings.language,
                    text=turn.text,
                    codec=scenes.codec.short,
                    truth_id=turn.id,
                    truth_codes=turn.codes,
                    context=tuple(
                        CaseTurn(role=t.role, text=t.text, codes=t.codes or ()) for t in before
                    ),
                )
            )
    return cases
