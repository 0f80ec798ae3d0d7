"""A turn of a scene -> the conversation before it (MCLP 3, 4.2).

The scene description and the profiles are the system's turn. Every turn of the dialogue is an
instruction of the human, who is to say what, and the assistant's speech: ``(I_k, y_k)`` for the
history, ``I_j`` for the turn at hand, whose ``y_j`` is the target. The paper shows the order, not
the words; these are ours.

Speakers are numbered as they come, profiles first: a diarization label says nothing, and a
speaker's global id would name the episode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainer.data.cuts import CodedTurn
from trainer.data.settings import ContextSettings
from trainer.tokens.layout import Turn


@dataclass(frozen=True, slots=True)
class Wording:
    """The words around what the corpus knows; each with the fields in braces."""

    scene: str
    profiles: str
    profile: str
    identity: str
    task: str
    character: str
    say: str
    say_so: str


WORDINGS = {
    "zh": Wording(
        scene="场景：{caption}",
        profiles="角色：",
        profile="- {name}{identity}：{character}",
        identity="（{identity}）",
        task="请依照场景、角色和前面的对话，用合适的语气演绎每一句台词。",
        character="角色{number}",
        say="{name}：{text}",
        say_so="{name}（{instruction}）：{text}",
    ),
    "en": Wording(
        scene="Scene: {caption}",
        profiles="Characters:",
        profile="- {name}{identity}: {character}",
        identity=" ({identity})",
        task="Perform each line as the scene, the characters and the dialogue so far call for.",
        character="Character {number}",
        say="{name}: {text}",
        say_so="{name} ({instruction}): {text}",
    ),
}


def context(turn: CodedTurn, settings: ContextSettings, *, without_history: bool) -> list[Turn]:
    """The conversation up to the instruction of this turn.

    Args:
        turn: the one that is to be spoken next.
        settings: how much of the history there is.
        without_history: leave it out whatever the settings say.
    """
    words = WORDINGS[settings.wording]
    custom: dict[str, Any] = turn.cut.manifest.get("custom") or {}
    supervisions: list[dict[str, Any]] = turn.cut.manifest["supervisions"]
    profiles: list[dict[str, Any]] = custom.get("profiles") or []
    names = _names(profiles, supervisions, words)
    turns = []
    if setting := _setting(custom.get("caption"), profiles, names, words):
        turns.append(Turn("system", setting))
    history = "none" if without_history else settings.history
    for number in range(turn.number if history != "none" else 0):
        earlier = supervisions[number]
        text = str(earlier.get("text") or "")
        turns.append(Turn("human", _say(earlier, names, words)))
        codes = None
        if history == "audio":
            codes = tuple(turn.cut.codes_of(earlier).tolist())
        turns.append(Turn("assistant", text, codes))
    turns.append(Turn("human", _say(supervisions[turn.number], names, words)))
    return turns


def _names(
    profiles: list[dict[str, Any]], supervisions: list[dict[str, Any]], words: Wording
) -> dict[str, str]:
    speakers = [str(one.get("speaker") or "") for one in [*profiles, *supervisions]]
    unique = list(dict.fromkeys(speakers))
    return {
        speaker: words.character.format(number=number) for number, speaker in enumerate(unique, 1)
    }


def _setting(
    caption: str | None, profiles: list[dict[str, Any]], names: dict[str, str], words: Wording
) -> str:
    lines = [words.scene.format(caption=caption)] if caption else []
    if profiles:
        lines.append(words.profiles)
    for one in profiles:
        identity = one.get("identity")
        lines.append(
            words.profile.format(
                name=names[str(one.get("speaker") or "")],
                identity=words.identity.format(identity=identity) if identity else "",
                character=one.get("character") or "",
            )
        )
    return "\n".join([*lines, words.task]) if lines else ""


def _say(supervision: dict[str, Any], names: dict[str, str], words: Wording) -> str:
    instruction = (supervision.get("custom") or {}).get("instruction")
    return (words.say_so if instruction else words.say).format(
        name=names[str(supervision.get("speaker") or "")],
        instruction=instruction,
        text=str(supervision.get("text") or ""),
    )
