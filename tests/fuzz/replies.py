"""What chat models and files of settings say, as fuzz targets: replies, titles, RTTM, prompts."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from unittest.mock import patch

from pydantic import BaseModel

import prompts
import prompts.templates
from pipelines.chat.reply import judge, read_completion
from pipelines.errors import PipelineError
from pipelines.fetching.media import UnusableMedia, read_info
from pipelines.params import load_params
from pipelines.stages.episode_numbers import episode_number, marked_numbers, normalised, numbers_in
from pipelines.stages.instruction_set_replies import reply_form
from pipelines.stages.label_replies import complaint as label_complaint
from pipelines.stages.label_replies import instructions_reply
from pipelines.stages.profile_replies import CharactersReply, SmallCharacterReply
from pipelines.stages.profile_replies import complaint as profile_complaint
from pipelines.stages.rttm import read_rttm, write_rttm
from pipelines.stages.title_reader import has_name, head_of, read_title
from schemas import PromptOrigin, StageFacts
from tests.fuzz.mutate import JSON, TABLE
from tests.fuzz.target import Target

ROOT = Path(__file__).parents[2]
_INVENTED = (PromptOrigin.DICTIONARY, PromptOrigin.FEATURES, PromptOrigin.FREE)
PROFILE = {"speaker_id": "S1", "identity": "an old sailor", "character": "calm, speaks slowly"}
ITEM = {"seed": 1, "instruction": "Speak low.", "features": {"pitch": "low"}, "text": "Go on."}
DESCRIBED = {"seed": 1, "description": {"pitch": "low"}, "text": "The tide is out."}


def reply_targets(folder: Path) -> list[Target]:
    """Targets of what is read from models and from people; files go into ``folder``."""
    return [*_replies(), *_texts(), *_files(folder)]


def _replies() -> list[Target]:
    profiles, labels = prompts.load("episode_characters", "v1"), ("en", "zh")
    attributes = prompts.load("attribute_instructions", "v1")
    instructions = instructions_reply(labels, 1, small=False)
    english = {"english": ["Speak low."], "chinese": ["压低声音说。"]}

    def judged(content: bytes, form: type[BaseModel]) -> BaseModel | None:
        found = judge(read_completion(_text(content)), form)
        return found if isinstance(found, form) else None

    def described(content: bytes) -> object:
        for form in (CharactersReply, SmallCharacterReply):
            reply = judged(content, form)
            if isinstance(reply, CharactersReply | SmallCharacterReply):
                profile_complaint(reply, asked=["S1"], language="en", prompt=profiles)
        return None

    def labelled(content: bytes) -> object:
        reply = judged(content, instructions)
        if not isinstance(reply, instructions):
            return None
        return label_complaint(reply, languages=labels, prompt=attributes)

    def invented(content: bytes) -> object:
        return [judged(content, reply_form(origin, "v1", ())) for origin in _INVENTED]

    return [
        Target(
            "chat reply profiles",
            (_body({"characters": [PROFILE]}), _body(PROFILE)),
            described,
            (),
            JSON,
            6,
        ),
        Target("chat reply labels", (_body(english),), labelled, (), JSON, 6),
        Target(
            "chat reply instructions",
            (_body({"items": [ITEM]}), _body({"items": [DESCRIBED]})),
            invented,
            (),
            JSON,
            6,
        ),
    ]


def _texts() -> list[Target]:
    titles = tuple(
        title.encode()
        for title in (
            "《云落河湾》第3集 雨夜 | 某剧场",
            "[ENG SUB] The Tinker's Bridge EP04-05 (Starring Somebody)",
            "Season II, 第十二集(上), Episode Four of 40, S02E05 part 2",
        )
    )
    rttm = b"SPEAKER Y01 1 2.040 2.800 <NA> <NA> A <NA> <NA>\n;; x\nSPKR-INFO Y01 1 <NA>\n"

    def title(content: bytes) -> object:
        text = _text(content)
        numbers_in(normalised(text)), marked_numbers(normalised(text))
        return read_title(text), head_of(text), has_name(text, text[:20])

    def turns(content: bytes) -> object:
        read = read_rttm(_text(content), "x.rttm")
        written = {name: write_rttm(name, found) for name, found in read.items()}
        assert all(read_rttm(text, "again")[name] == read[name] for name, text in written.items())
        return read

    return [
        Target("rttm", (rttm * 3,), turns, mutators=TABLE, share=6),
        Target("titles", titles, title, (), TABLE, 6),
        Target(
            "episode_numbers",
            (*titles, "第十二集".encode(), b"1-2", b"EP02"),
            lambda content: episode_number(_text(content)),
            (ValueError,),
            TABLE,
            6,
        ),
    ]


def _files(folder: Path) -> list[Target]:
    params = folder / "params.yaml"
    facts = StageFacts(
        stage="emit",
        source="emilia",
        unit="cut",
        rows_in=2,
        rows_out=1,
        rejected={"x": 1},
        hours_in=0.1,
        hours_out=0.1,
        rejected_hours={"x": 0.0},
        speakers_in=1,
        speakers_out=1,
        backend=None,
        prompt_sha256={},
        counts={"a": 1},
        parts={"shar/cuts.000000.jsonl.gz": 7, "rejected/part-00000.parquet": 9},
    )
    shipped = resources.files("prompts")
    markdown = (shipped / "episode_title" / "v1.md").read_bytes()
    yaml = (shipped / "emotion_templates" / "v1.yaml").read_bytes()

    def settings(content: bytes) -> object:
        params.write_bytes(content)
        return load_params(str(params))

    def info(content: bytes) -> object:
        (folder / "x.info.json").write_bytes(content)
        return read_info(str(folder / "x.info.json"))

    def prompt(content: bytes) -> object:
        (folder / "p" / "v1.md").write_bytes(content)
        with patch("prompts.resources.files", return_value=folder):
            return prompts.load.__wrapped__("p", "v1")

    def templates(content: bytes) -> object:
        (folder / "p" / "v1.yaml").write_bytes(content)
        with patch("prompts.templates.resources.files", return_value=folder):
            return prompts.templates.load_templates.__wrapped__("p", "v1")

    (folder / "p").mkdir()
    return [
        Target(
            "params.yaml",
            ((ROOT / "params.yaml").read_bytes(),),
            settings,
            (PipelineError,),
            TABLE,
            0.05,
        ),
        Target(
            "stage.json",
            (facts.to_json().encode(),),
            lambda content: StageFacts.from_json(_text(content)),
            (ValueError,),
            JSON,
            6,
        ),
        Target(
            "info.json",
            (b'{"id": "x", "title": "t", "duration": 3.5}',),
            info,
            (UnusableMedia,),
            JSON,
        ),
        Target("prompts", (markdown,), prompt, (ValueError,), TABLE),
        Target("prompt templates", (yaml,), templates, (ValueError,), TABLE, 0.2),
    ]


def _body(content: object) -> bytes:
    """The body of a completion with this content."""
    text = json.dumps(content, ensure_ascii=False)
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 1},
    }
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"model": "m", "choices": [choice], "usage": usage}).encode()


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")
