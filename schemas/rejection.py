"""Why a record left the corpus: data, counted by every stage, never an exception."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from schemas.arrow import column


class Reason(enum.StrEnum):
    """Every reason for which a stage may reject a record.

    A reason names what is wrong with the record, not what the program did.
    """

    # ingest
    AUDIO_MISSING = "audio_missing"  # a transcript without its audio
    TRANSCRIPT_MISSING = "transcript_missing"  # audio without its transcript
    TRANSCRIPT_INVALID = "transcript_invalid"  # not UTF-8, not JSON, or not an object
    TRANSCRIPT_EMPTY = "transcript_empty"  # a transcript file of zero bytes
    FIELD_INVALID = "field_invalid"  # a required field is missing or of the wrong type
    TEXT_EMPTY = "text_empty"  # no words left after the text clean-up
    AUDIO_EMPTY = "audio_empty"  # an audio file of zero bytes
    AUDIO_UNREADABLE = "audio_unreadable"  # not audio of a known kind
    AUDIO_TRUNCATED = "audio_truncated"  # less audio than its description says
    DURATION_MISMATCH = "duration_mismatch"  # more audio than its description says
    DUPLICATE_ID = "duplicate_id"  # the id came before, the first one is kept
    SPEAKER_MISSING = "speaker_missing"  # nobody to attribute the line to
    LABEL_UNKNOWN = "label_unknown"  # the corpus's label has no word here, or stands for "none"
    LANGUAGE_UNKNOWN = "language_unknown"  # a language name with no ISO 639-1 code known here
    MEMBER_UNSAFE = "member_unsafe"  # an archive member whose path leaves the archive, or a link
    ARCHIVE_TRUNCATED = "archive_truncated"  # the archive ends in the middle of this member
    SOURCE_NOT_WANTED = "source_not_wanted"  # the recording is from another source than asked for
    TAG_NOT_WANTED = "tag_not_wanted"  # the recording does not have the tag asked for
    RECORDING_EMPTY = "recording_empty"  # a recording without a sentence
    DUPLICATE_RECORDING = "duplicate_recording"  # the recording's id came before
    TIMES_REVERSED = "times_reversed"  # the sentence ends before it begins
    TIMES_EMPTY = "times_empty"  # the sentence has no length
    TIMES_OUTSIDE = "times_outside"  # the sentence ends after the recording does
    # fetch
    VIDEO_UNAVAILABLE = "video_unavailable"  # the ledger has the cause
    # annotate
    CHARACTER_UNKNOWN = "character_unknown"  # the chat model does not know the character
    DEAD_LETTER = "dead_letter"  # no valid reply; the raw text is in the journal
    # select
    VALUE_NOT_KEPT = "value_not_kept"  # information value outside the kept ones
    DESCRIPTION_EMPTY = "description_empty"
    DESCRIPTION_OVERLONG = "description_overlong"
    NAME_LEAKED = "name_leaked"  # the description names the character
    LANGUAGE_WRONG = "language_wrong"  # not in the language that was asked for
    TEMPLATE_LIKE = "template_like"  # too many descriptions share its wording
    EXAMPLE_COPIED = "example_copied"  # repeats an example of the prompt
    # compose, of the S1 and S2 sets
    LABEL_NOT_WANTED = "label_not_wanted"  # its emotion is none of the set's, or none is known
    LANGUAGE_NOT_WANTED = "language_not_wanted"  # the set is of other languages
    PARTNER_MISSING = "partner_missing"  # nothing to set it beside, and nothing is beside it
    # compose, of the S3 set
    INSTRUCTION_REPEATED = "instruction_repeated"  # an earlier one has the same wording
    INSTRUCTION_SIMILAR = "instruction_similar"  # nearly an earlier one's wording
    FEATURES_WRONG = "features_wrong"  # names other acoustic features than were asked for
    TEXT_OVERLONG = "text_overlong"  # more to speak than a rollout has room for
    NOT_NEEDED = "not_needed"  # as good as others, and the set is full
    # caption
    VIDEO_UNREADABLE = "video_unreadable"  # not all pictures of the scene could be decoded
    # select, of one sentence of a scene
    SPEAKER_UNASSIGNED = "speaker_unassigned"  # nobody was heard in it or near it
    CONFIDENCE_LOW = "confidence_low"  # of the transcript
    MARGIN_LOW = "margin_low"  # the runner-up speaks nearly as much of it
    OVERLAP_LOW = "overlap_low"  # its speaker speaks too little of it
    QUALITY_LOW = "quality_low"  # of the separated speech
    # select, of a whole scene
    SENTENCE_OVERLONG = "sentence_overlong"  # one sentence longer than a scene may be (ADR 0010)
    TURNS_TOO_FEW = "turns_too_few"
    TURNS_TOO_MANY = "turns_too_many"
    SPEAKERS_TOO_FEW = "speakers_too_few"
    CAPTION_MISSING = "caption_missing"
    PROFILE_MISSING = "profile_missing"  # of one of its speakers
    # tokenize
    CODES_EMPTY = "codes_empty"  # too short for one frame of the speech tokenizer
    TURN_REJECTED = "turn_rejected"  # another turn of its cut was


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One record that a stage did not pass on."""

    record_id: str = column("id of the record; for unreadable input the place it was found at")
    stage: str = column("stage that rejected it")
    reason: Reason = column("one of schemas.Reason")
    detail: str = column("what exactly was found, for a person to read")
    location: str = column("input file, and member or row inside it")
    duration: float | None = column("seconds of audio lost; None where it is not known")
