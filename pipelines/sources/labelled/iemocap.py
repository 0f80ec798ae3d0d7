r"""IEMOCAP: five sessions, each with evaluations, transcriptions and clips by dialogue.

::

    Session1/dialog/EmoEvaluation/Ses01F_impro01.txt
        [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
    Session1/dialog/transcriptions/Ses01F_impro01.txt
        Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
    Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav

English. The letter before the last number is who speaks: F or M of that session. Turns without an
emotion that the annotators agreed on (``xxx``) and others (``oth``) are counted rejections.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from pipelines.errors import UsageError
from pipelines.sources.base import Refusal, Shard, list_inputs
from pipelines.sources.labelled.clips import Clips
from pipelines.sources.labelled.emotion_settings import IemocapSettings
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line, RefusedLine
from pipelines.sources.labelled.text_file import decode
from schemas import Label, Reason

_EVALUATIONS, _TRANSCRIPTIONS = "dialog/EmoEvaluation", "dialog/transcriptions"
_PATTERN = f"{_EVALUATIONS}/Ses*.txt"
_EXPECTED = "IEMOCAP's Session1/dialog/EmoEvaluation/Ses01F_impro01.txt and so on"
_EVALUATED = re.compile(r"\[[\d.]+ - [\d.]+\]\t(\S+)\t(\S+)\t\[")
_TRANSCRIBED = re.compile(r"(Ses\S+) \[[\d.]+-[\d.]+\]: ?(.*)")
_TURN = re.compile(r"(Ses\d\d)[FM]_\w+_([FM])\w*\d+")
_NOISE = re.compile(r"\[[A-Z ]+\]|\+\+")  # [LAUGHTER], [BREATHING]; ++ is another's interruption


class IemocapLayout:
    """See the module; a shard is a session."""

    def __init__(self, settings: IemocapSettings) -> None:
        """Takes the corpus's settings."""
        self._settings = settings

    def shards(self, inputs: Sequence[str]) -> list[Shard]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        found = list_inputs(inputs, [_PATTERN], _EXPECTED)
        wrong = [
            uri for uri in found if posixpath.basename(posixpath.dirname(uri)) != "EmoEvaluation"
        ]
        if wrong:
            raise UsageError(f"{wrong[0]}: not in a folder EmoEvaluation; expected {_EXPECTED}")
        sessions = {uri.rsplit("/", 3)[0] for uri in found}
        for session in sorted(sessions):
            self._check(session)
        return [Shard(session, "iemocap") for session in sorted(sessions)]

    def prepare(self) -> None:
        """Nothing to load."""

    def lines(self, shard: Shard) -> Iterator[Line | RefusedLine]:
        """See :class:`pipelines.sources.labelled.line.Layout`."""
        session = Clips(shard.uri)
        for path in _texts(session, _EVALUATIONS):
            spoken = self._transcript(session, f"{_TRANSCRIPTIONS}/{posixpath.basename(path)}")
            rows = self._read(session, path).splitlines()
            for number, row in enumerate(rows, start=1):
                match = _EVALUATED.match(row)
                if match is None:  # the header, and what each annotator said
                    continue
                key, word = match.groups()
                location = f"{shard.uri}/{path}:{number}"
                try:
                    yield self._line(key, location, word, spoken.get(key), session)
                except Refusal as refusal:
                    yield RefusedLine(key, location, refusal)

    def _line(self, key: str, location: str, word: str, text: str | None, session: Clips) -> Line:
        label = label_of(self._settings, "emotion", word)
        match = _TURN.fullmatch(key)
        if match is None:
            raise Refusal(Reason.FIELD_INVALID, f"{key[:80]}: expected a turn: Ses01F_impro01_F000")
        clips = session.named(key)
        if not clips:
            raise Refusal(Reason.AUDIO_MISSING, f"no file {key}.wav in {session.folder}")
        return Line(
            key=key,
            location=location,
            audio=clips[0],
            folder=session.folder,
            text=None if text is None else _NOISE.sub(" ", text),
            text_raw=text,
            speaker="_".join(match.groups()),
            language="en",
            labels=(label, Label("gender", "female" if match[2] == "F" else "male")),
            source_id=key.rsplit("_", 1)[0],
        )

    def _transcript(self, session: Clips, path: str) -> dict[str, str]:
        if path not in session.others:
            return {}
        matches = map(_TRANSCRIBED.match, self._read(session, path).splitlines())
        return {match[1]: match[2] for match in matches if match is not None}

    def _check(self, folder: str) -> None:
        session = Clips(folder)
        for path in (*_texts(session, _EVALUATIONS), *_texts(session, _TRANSCRIPTIONS)):
            self._read(session, path)

    def _read(self, session: Clips, path: str) -> str:
        text = decode(session.read(path), self._settings.encodings)
        if text is None:
            known = ", ".join(self._settings.encodings)
            raise UsageError(
                f"{session.folder}/{path}: text in none of {known}; settings: encodings"
            )
        return text


def _texts(session: Clips, folder: str) -> list[str]:
    """The dialogues' files of a folder; it has folders of single annotators, too."""
    return sorted(
        path
        for path in session.others
        if posixpath.dirname(path) == folder and posixpath.basename(path).startswith("Ses")
    )
