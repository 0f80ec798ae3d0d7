"""Emilia's archive layouts: members of a tar or tar.gz, paired into utterances."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from pipelines import files
from pipelines.audio_place import AudioPlace
from pipelines.sources.audio_facts import AudioUnreadable
from pipelines.sources.audio_probe import HEAD_BYTES, MAX_CLIP_BYTES, probe
from pipelines.sources.base import Refusal, escapes
from pipelines.sources.emilia_judge import Judge
from pipelines.sources.emilia_row import id_of, parse_object
from pipelines.sources.pairing import Half, Pair, Pairing
from pipelines.sources.tar_members import ArchiveTruncated, TarMember, TarReader
from schemas import Reason, Rejection, Utterance

_AUDIO_SUFFIXES = frozenset((".mp3", ".wav", ".flac", ".opus", ".ogg", ".m4a"))
_BATCH = re.compile(r"[A-Z]{2}_[^/]*\.jsonl")
_MAX_TRANSCRIPT_BYTES = 1 << 20  # a real one has 300 bytes


def read_tar(uri: str, judge: Judge, pending_limit: int) -> Iterator[Utterance | Rejection]:
    """The utterances of one archive: in the order in which their second half comes.

    Halves without a partner follow at the end. An archive that breaks off gives what it holds up to
    there, and one ARCHIVE_TRUNCATED for the member that was cut.

    Raises:
        StageFailed: more than ``pending_limit`` members wait for their partner.
        UsageError: the archive cannot be opened.
    """
    with files.open_read(uri) as stream:
        reader = TarReader(stream)
        pairing = Pairing(pending_limit)
        try:
            for member in reader:
                for key, half in _halves(reader, member):
                    if half.refusal is not None and not _is_half(member.name):
                        yield half.refusal.rejection(key, f"{uri}:{half.member.name}")
                        continue
                    pair = pairing.add(key, half)
                    if pair is not None:
                        yield _judge_pair(pair, judge, reader, uri)
        except ArchiveTruncated as error:
            refusal = Refusal(Reason.ARCHIVE_TRUNCATED, str(error))
            pair = _cut_pair(error.member, refusal, pairing)
            if pair is not None:
                yield _judge_pair(pair, judge, reader, uri)
            elif error.member is None:
                yield refusal.rejection(uri, uri)
        for pair in pairing.leftovers():
            yield _judge_pair(pair, judge, reader, uri)


def _halves(reader: TarReader, member: TarMember) -> Iterator[tuple[str, Half]]:
    """What one member contributes: nothing, a half, or a half for each line of a batch."""
    name, size = member.name, member.size
    base = name.rpartition("/")[2]
    key, suffix = _split(base)
    if not member.is_file or escapes(name):
        what = "its path leaves the archive" if member.is_file else f"a {member.kind}"
        refusal = Refusal(Reason.MEMBER_UNSAFE, f"{name[:200]}: {what}")
        yield key or name, Half(suffix in _AUDIO_SUFFIXES, member, b"", None, refusal)
    elif base.startswith("."):
        return  # what some file systems leave beside a file: ._EN_….mp3
    elif suffix == ".json":
        if size > _MAX_TRANSCRIPT_BYTES:
            too_large = Refusal(Reason.TRANSCRIPT_INVALID, f"{size} bytes are no transcript")
            yield key, Half(False, member, b"", None, too_large)
        else:
            yield key, Half(False, member, reader.read(member), None, None)
    elif suffix in _AUDIO_SUFFIXES:
        yield key, _audio_half(reader, member)
    elif _BATCH.fullmatch(base) and size <= MAX_CLIP_BYTES:
        for number, line in enumerate(reader.read(member).splitlines(), start=1):
            yield _line_half(line, member._replace(name=f"{name}:{number}"))


def _line_half(line: bytes, place: TarMember) -> tuple[str, Half]:
    try:
        row = parse_object(line)
    except Refusal as refusal:
        return place.name, Half(False, place, b"", None, refusal)
    audio_name = row.get("wav") or row.get("id") or place.name
    key = posixpath.splitext(posixpath.basename(str(audio_name)))[0]
    return key, Half(False, place, line, None, None)


def _audio_half(reader: TarReader, member: TarMember) -> Half:
    size = member.size
    if not size:
        return Half(True, member, b"", None, Refusal(Reason.AUDIO_EMPTY, "a clip of zero bytes"))
    # Going back in a gzip stream means unpacking it again from its start: read the clip at once.
    limit = size if reader.is_gzip and size <= MAX_CLIP_BYTES else HEAD_BYTES
    head = reader.read(member, limit)
    try:
        facts = probe(head, size, lambda: reader.read(member))
    except AudioUnreadable as error:
        return Half(True, member, b"", None, Refusal(Reason.AUDIO_UNREADABLE, str(error)))
    return Half(True, member, b"", facts, None)


def _split(base: str) -> tuple[str, str]:
    """Stem and suffix of a file name; posixpath.splitext does the same in four times the time."""
    at = base.rfind(".")
    return (base[:at], base[at:]) if at > 0 else (base, "")


def _is_half(name: str) -> bool:
    suffix = posixpath.splitext(name)[1]
    return suffix in (".json", ".jsonl") or suffix in _AUDIO_SUFFIXES


def _cut_pair(member: TarMember | None, refusal: Refusal, pairing: Pairing) -> Pair | None:
    """Gives the cut its place among the halves, so that its partner is not counted again."""
    if member is not None:
        key, suffix = posixpath.splitext(posixpath.basename(member.name))
        return pairing.add(key, Half(suffix in _AUDIO_SUFFIXES, member, b"", None, refusal))
    last = pairing.last_waiting()
    if last is None:
        return None
    key, half = last  # its partner is what the archive ended before
    return pairing.add(key, Half(not half.is_audio, half.member, b"", None, refusal))


def _judge_pair(pair: Pair, judge: Judge, reader: TarReader, uri: str) -> Utterance | Rejection:
    key, transcript, audio = pair
    place = (transcript or audio or _NOWHERE).member
    try:
        if transcript is None:
            if judge.is_duplicate(key):
                raise Refusal(Reason.DUPLICATE_ID, "the id came before in this file")
            raise (audio and audio.refusal) or Refusal(Reason.TRANSCRIPT_MISSING, "no json for it")
        if transcript.refusal is not None:
            raise transcript.refusal
        fields = parse_object(transcript.payload)
        key = id_of(fields) or key
        row = judge.row(fields)
        if audio is None:
            raise Refusal(Reason.AUDIO_MISSING, "no audio for it", row.duration)
        place = audio.member
        if audio.facts is None:
            found = audio.refusal or Refusal(Reason.AUDIO_UNREADABLE, "no audio facts")
            raise Refusal(found.reason, found.detail, row.duration)
        container = "tar.gz" if reader.is_gzip else "tar"
        position = AudioPlace(uri, container, place.name, place.offset, place.size)
        return judge.utterance(row, audio.facts, position, lambda: reader.read(place))
    except Refusal as refusal:
        return refusal.rejection(key, f"{uri}:{place.name}")


_NOWHERE = Half(False, TarMember("", 0, 0, 0), b"", None, None)
