"""From the fields of a clip, as columns or its path tell them, to a line."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping

from pipelines.sources.base import Refusal
from pipelines.sources.clip_file import Clip
from pipelines.sources.labelled.labels import label_of
from pipelines.sources.labelled.line import Line
from pipelines.sources.labelled.open_settings import OpenSettings
from schemas import Reason

Fields = dict[str, str]


class ClipFields:
    """What the settings say of fields."""

    def __init__(
        self,
        settings: OpenSettings,
        path: re.Pattern[str] | None,
        sentences: Mapping[str, str],
    ) -> None:
        """Takes the settings, their compiled ``path``, and the tables of transcripts by key."""
        self._settings, self._path, self._sentences = settings, path, sentences

    def of_path(self, path: str, *, needed: bool = True) -> Fields:
        """The fields that a clip's path tells; none where there is no pattern.

        The pattern is searched in the whole path, so that any folder of a corpus can be an input
        folder; where it has no group ``id``, the clip's id is the path from the match on.

        Raises:
            Refusal: FIELD_INVALID where it does not match, and ``needed``.
        """
        if self._path is None:
            return {}
        match = self._path.search(path)
        if match is None:
            if needed:
                detail = f"{path[:200]} does not match settings `path` ({self._settings.path})"
                raise Refusal(Reason.FIELD_INVALID, detail)
            return {}
        told = {name: found for name, found in match.groupdict().items() if found is not None}
        return {"id": posixpath.splitext(path[match.start() :])[0], **told}

    def line(
        self,
        told: Fields,
        key: str,
        location: str,
        audio: str,
        folder: str,
        probe_clip: Callable[[], Clip] | None = None,
    ) -> Line:
        """The line of a clip.

        Args:
            told: its fields; constants and the tables of sentences fill in what is not there.
            key: its id where no field has one.
            location: file and row, for messages.
            audio: path of the clip in ``folder``.
            folder: what it may not leave.
            probe_clip: see :class:`pipelines.sources.labelled.line.Line`.

        Raises:
            Refusal: LABEL_UNKNOWN.
        """
        settings = self._settings
        constants = {**settings.CONSTANTS, **settings.constants}
        fields = {**constants, **{name: text for name, text in told.items() if text.strip()}}
        fields.setdefault("id", key)
        text = fields.get("text", told.get("text"))
        if text is None and self._sentences:
            text = self._sentences.get(self._sentence_key(fields))
        return Line(
            key=fields["id"].strip(),
            location=location,
            audio=audio,
            folder=folder,
            text=text,
            speaker=fields.get("speaker"),
            language=fields.get("language", ""),
            labels=tuple(
                label_of(self._settings, name, fields[name])
                for name in self._settings.labels
                if name in fields
            ),
            description=fields.get("description"),
            source_id=fields.get("recording"),
            probe_clip=probe_clip,
        )

    def _sentence_key(self, fields: Fields) -> str:
        try:
            return self._settings.sentence_key.format_map(fields)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            known = ", ".join(sorted(fields))
            detail = f"settings `sentence_key` asks for {error}; the clip has {known}"
            raise Refusal(Reason.FIELD_INVALID, detail) from error
