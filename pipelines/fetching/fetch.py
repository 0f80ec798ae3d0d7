"""Episodes -> the same episodes with video, audio and title, or an entry of the ledger.

What is in a folder already is used as it is; the rest is downloaded, one video at a time, spaced
out by the settings. Every episode that goes in comes out as one or the other, in the same order. A
run that was killed goes on: finished videos are found in the folder, partial files are resumed, and
what the ledger knows to be gone for good is not asked for again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipelines.errors import StageFailed, UsageError
from pipelines.fetching.causes import TRANSIENT, Cause
from pipelines.fetching.downloader import Downloader, FetchFailed, YtDlp
from pipelines.fetching.ledger import Ledger, LedgerEntry, entry_of
from pipelines.fetching.media import (
    Media,
    UnusableMedia,
    duration_of,
    find_audio,
    find_media,
    measure,
    read_info,
    title_of,
)
from pipelines.fetching.pacing import Pace
from pipelines.fetching.settings import FetchSettings
from schemas import Reason, Rejection
from schemas.episode import Episode

STAGE = "fetch"


def fetch_episodes(
    episodes: Iterable[Episode], settings: FetchSettings, folder: str
) -> Iterator[Episode | LedgerEntry]:
    """Each episode with its video, or why there is none; the ledger is in the folder at the end.

    Args:
        episodes: as ingest gives them.
        settings: where to look, and how to ask.
        folder: a local folder for ``videos/``, ``partial/`` and the ledger; looked into first.

    Raises:
        UsageError: the folder is not a local one, another process works in it, or the settings'
            cookies cannot be read, their format is not one, or needs ffmpeg where there is none.
        StageFailed: the disk is full, or too many videos in a row were lost to throttling or the
            network. What was had so far stays; run again to go on.
    """
    if "://" in folder:
        raise UsageError(f"{folder}: videos are downloaded into a local folder")
    home = Path(folder)
    with _only_one(home):
        ledger = Ledger(home)
        download = YtDlp(settings, home) if settings.download else None
        fetcher = EpisodeFetcher(settings, folder, ledger, download)
        try:
            for episode in episodes:
                yield fetcher.fetch(episode)
        finally:
            ledger.close()


class EpisodeFetcher:
    """Fetches one episode after the other."""

    def __init__(
        self,
        settings: FetchSettings,
        folder: str,
        ledger: Ledger,
        download: Downloader | None,
        pace: Pace | None = None,
    ) -> None:
        """Takes what downloads a video; None looks into folders only."""
        self._settings, self._ledger, self._download = settings, ledger, download
        self._folders = (folder, *settings.local_folders)
        self._pace = pace or Pace(settings)
        self._lost_in_a_row = 0

    def fetch(self, episode: Episode) -> Episode | LedgerEntry:
        """The episode with ``video_uri``, ``audio_uri`` and ``title``, or its ledger entry.

        Raises:
            StageFailed: see :func:`fetch_episodes`.
        """
        media = self._find(episode)
        known = self._ledger.find(episode)
        # What an earlier run had to ask for stays counted: both runs then tell the same.
        attempts = known.attempts if known is not None else 0
        if media is None:
            if known is not None and self._is_final(known):
                return known
            got = self._ask(episode)
            if isinstance(got, LedgerEntry):
                self._ledger.add(got)
                self._count_lost(got)
                return got
            media, attempts = got
            self._lost_in_a_row = 0
        fetched = self._check(episode, media, attempts)
        if isinstance(fetched, LedgerEntry):
            self._ledger.add(fetched)
        else:
            self._ledger.strike(episode.id)
        return fetched

    def _find(self, episode: Episode) -> Media | None:
        for folder in self._folders:
            media = find_media(folder, episode.video_id)
            if media is not None:
                return media
        return None

    def _is_final(self, entry: LedgerEntry) -> bool:
        if self._download is None:
            return True
        return entry.attempts > 0 and entry.cause not in self._settings.retried_causes

    def _ask(self, episode: Episode) -> tuple[Media, int] | LedgerEntry:
        if self._download is None:
            detail = "no video with its info JSON in the folders, and download is off"
            return entry_of(episode, Cause.UNAVAILABLE, detail, attempts=0)
        attempt = 0
        while True:
            attempt += 1
            self._pace.wait()
            try:
                return self._download(episode.url, episode.video_id), attempt
            except FetchFailed as failed:
                # Even after the last try: the next video has the same server.
                if failed.cause in TRANSIENT:
                    self._pace.back_off(attempt, failed.retry_after_s)
                if not failed.again or attempt >= self._settings.attempts:
                    return entry_of(episode, failed.cause, failed.detail, attempts=attempt)

    def _count_lost(self, entry: LedgerEntry) -> None:
        if entry.cause not in TRANSIENT:
            self._lost_in_a_row = 0
            return
        self._lost_in_a_row += 1
        if self._lost_in_a_row >= self._settings.stop_after_failures:
            raise StageFailed(
                f"{self._lost_in_a_row} videos in a row could not be had, the last for "
                f"{entry.cause}: {entry.detail}; wait, or set cookies or a proxy, then run again "
                "to go on"
            )

    def _check(self, episode: Episode, media: Media, attempts: int) -> Episode | LedgerEntry:
        try:
            info = read_info(media.info_uri)
            facts = measure(media.video_uri)
        except UnusableMedia as error:
            return entry_of(episode, Cause.OTHER, str(error), attempts=attempts)
        duration = facts.duration or duration_of(info)
        audio_uri = self._find_audio(episode)
        has_sound = facts.has_sound or (audio_uri is not None and _sounds(audio_uri))
        if not has_sound or not facts.has_picture or duration is None:
            lacking = [
                name
                for name, there in (
                    ("sound", has_sound),
                    ("picture", facts.has_picture),
                    ("stated length", duration is not None),
                )
                if not there
            ]
            detail = f"the video has no {' and no '.join(lacking)}"
            return entry_of(episode, Cause.OTHER, detail, attempts=attempts)
        tolerance = max(
            self._settings.duration_tolerance_s,
            self._settings.duration_tolerance_share * episode.duration,
        )
        if abs(duration - episode.duration) > tolerance:
            return entry_of(
                episode,
                Cause.DURATION_MISMATCH,
                f"the video has {duration:.2f} s, the corpus says {episode.duration:.2f} s",
                attempts=attempts,
                video_duration=round(duration, 6),
            )
        return dataclasses.replace(
            episode,
            video_uri=media.video_uri,
            audio_uri=audio_uri,
            title=title_of(info),
        )

    def _find_audio(self, episode: Episode) -> str | None:
        found = (find_audio(folder, episode.audio_path) for folder in self._folders)
        return next((uri for uri in found if uri is not None), None)


def _sounds(audio_uri: str) -> bool:
    """Whether the corpus's own audio can stand in for a video's sound: `separate` then takes it."""
    try:
        return measure(audio_uri).has_sound
    except UnusableMedia:
        return False


def rejections_of(episode: Episode, entry: LedgerEntry) -> list[Rejection]:
    """The rejections of a lost episode: one a sentence, since sentences are what is conserved."""
    mismatch = entry.cause is Cause.DURATION_MISMATCH
    return [
        Rejection(
            record_id=sentence.id,
            stage=STAGE,
            reason=Reason.DURATION_MISMATCH if mismatch else Reason.VIDEO_UNAVAILABLE,
            detail=f"{entry.cause}: {entry.detail}",
            location=entry.url,
            duration=sentence.duration,
        )
        for sentence in episode.sentences
    ]


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Holds the folder's lock; a killed process lets go of it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("wb")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"{folder}: another process fetches into it") from error
        yield
