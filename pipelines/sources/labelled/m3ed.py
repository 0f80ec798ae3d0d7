r"""M3ED: one JSON of all dialogues, a clip a turn. The layout is not confirmed.

As it is read here; names of files and keys are settings::

    annotation.json
        {"baowei": {"baowei_1": {
            "SpeakerInfo": {"A": {"Name": "...", "Gender": "Male", "Age": "mid"}, "B": {...}},
            "Dialog": {"baowei_1_1": {"Speaker": "A", "Text": "你怎么来了？",
                                      "EmoAnnotation": {"final_main_emo": "Surprise"}, ...}}}}}
    modality_speech/A_baowei_1_1.wav    (or baowei_1_1.wav)

Chinese. An emotion is a word, or its number in the release: Happy 0, Neutral 1, Sad 2, Disgust 3,
Anger 4, Fear 5, Surprise 6. Clips are looked for in every folder beside the file, by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ijson

from pipelines import files
from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard, list_inputs
from pipelines.sources.json_screen import ScreenedJson
from pipelines.sources.labelled.clips import Clips, seen_from
from pipelines.sources.labelled.emotion_settings import M3edSettings
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from schemas import Reason


class M3edLayout:
    """See the module; a shard is an annotation file."""

    def __init__(self, settings: M3edSettings) -> None:
        """Takes the corpus's settings."""
        self._settings = settings

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        names = " or ".join(self._settings.annotations)
        expected = f"{names}. The layout of M3ED is not confirmed; settings: annotations"
        found = list_inputs(inputs, self._settings.annotations, expected)
        for uri in found:
            with files.open_read(uri) as stream:
                if stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
                    raise UsageError(f"{uri}: not a JSON object in UTF-8; expected {expected}")
        return [Shard(uri, "m3ed") for uri in found]

    def prepare(self) -> None:
        """Nothing to load."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        clips = Clips(seen_from(shard.uri, "."))
        with files.open_read(shard.uri) as stream:
            try:
                for series, dialogues in ijson.kvitems(ScreenedJson(stream), ""):
                    for name, dialogue in _object(dialogues, series).items():
                        yield from self._dialogue(shard.uri, series, name, dialogue, clips)
            except (ijson.JSONError, UnicodeDecodeError) as error:
                detail = f"not JSON from here on: {error}"
                raise Refusal(Reason.TRANSCRIPT_INVALID, detail) from error

    def _dialogue(
        self, uri: str, series: str, name: str, dialogue: object, clips: Clips
    ) -> Iterator[Line | RefusedLine]:
        location = f"{uri}:{name}"
        try:
            content = _object(dialogue, name)
            turns = _object(content.get(self._settings.dialog_key), self._settings.dialog_key)
        except Refusal as refusal:
            yield RefusedLine(name, location, refusal)
            return
        people = content.get(self._settings.speakers_key)
        for key, turn in turns.items():
            try:
                people_here = people if isinstance(people, dict) else {}
                yield self._line(key, f"{uri}:{key}", (series, name), turn, people_here, clips)
            except Refusal as refusal:
                yield RefusedLine(key, f"{uri}:{key}", refusal)

    def _line(
        self,
        key: str,
        location: str,
        names: tuple[str, str],
        turn: object,
        people: Mapping[str, Any],
        clips: Clips,
    ) -> Line:
        series, dialogue = names
        fields = _object(turn, key)
        labels = [label_of(self._settings, "emotion", _text(fields, self._settings.emotion_key))]
        letter = _text(fields, self._settings.speaker_key)
        person = people.get(letter)
        person = person if isinstance(person, dict) else {}
        if gender := str(person.get("Gender") or ""):
            labels.append(label_of(self._settings, "gender", gender))
        stems = [name.format(speaker=letter, id=key) for name in self._settings.clip_names]
        found = [path for stem in stems for path in clips.named(stem)]
        if not found:
            detail = f"no clip {' or '.join(stems)} in {clips.folder}; settings: clip_names"
            raise Refusal(Reason.AUDIO_MISSING, detail)
        return Line(
            key=key,
            location=location,
            audio=found[0],
            folder=clips.folder,
            text=_text(fields, self._settings.text_key),
            # The letters start anew in every dialogue; a name is one person of a series.
            speaker=f"{series}_{person.get('Name') or f'{dialogue}_{letter}'}",
            language="zh",
            labels=tuple(labels),
            source_id=dialogue,
            title=series,
        )


def _object(content: object, name: str) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise Refusal(Reason.FIELD_INVALID, f"{name}: a {kind}, expected an object")
    return content


def _text(fields: Mapping[str, Any], key: str) -> str:
    """The text at a key; a dot goes one level down.

    Raises:
        Refusal: FIELD_INVALID where it is not there.
    """
    content: object = fields
    for step in key.split("."):
        content = content.get(step) if isinstance(content, dict) else None
    if not isinstance(content, str | int):
        detail = f"{key}: a {type(content).__name__}, expected text; keys are settings"
        raise Refusal(Reason.FIELD_INVALID, detail)
    return str(content)
