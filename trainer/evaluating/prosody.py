"""Cases of speaking speed and pitch: a sentence asked for in three levels (FlexiVoice A.8)."""

from __future__ import annotations

from trainer.evaluating.case import Case
from trainer.evaluating.labelled import Pool, Utterance, draw_of

# task -> language -> the instruction of each level, low to high. The paper shows one of each task;
# these words are ours.
INSTRUCTIONS: dict[str, dict[str, tuple[str, str, str]]] = {
    "speed": {
        "en": (
            "Say this slowly, and take your time.",
            "Say this at an ordinary pace.",
            "Say this fast.",
        ),
        "zh": ("请慢慢地说。", "请用平常的语速说。", "请说得快一些。"),
    },
    "pitch": {
        "en": (
            "Use a low-pitched voice.",
            "Use a voice of ordinary pitch.",
            "Use a high-pitched voice.",
        ),
        "zh": ("请用低沉的声音说。", "请用平常的音高说。", "请用高亢的声音说。"),
    },
}


def prosody_cases(pool: Pool, language: str, per_language: int, seed: int) -> list[Case]:
    """Sentences without a reference, each in every level of both; fewer where there are fewer.

    Sentences that somebody says in a neutral voice come first: nothing but the instruction should
    call for a pace or a pitch.
    """
    sentences: dict[str, Utterance] = {}
    for one in sorted(pool.utterances, key=lambda one: not pool.has_neutral_text(one)):
        sentences.setdefault(one.sentence, one)
    drawn = sorted(
        sentences.values(),
        key=lambda one: (
            not pool.has_neutral_text(one),
            draw_of("prosody", seed, one.sentence).random(),
        ),
    )[:per_language]
    return [
        Case(
            id=f"{task}-{language}-{number:04d}-{level}",
            task=task,
            language=language,
            text=one.text,
            instruction=instruction,
            level=level,
            codec=pool.codec.short,
        )
        for task, instructions in INSTRUCTIONS.items()
        if language in instructions
        for number, one in enumerate(drawn)
        for level, instruction in enumerate(instructions[language], 1)
    ]
