"""What `trainer.evaluate cases` does: from settings to the cases of an evaluation."""

from __future__ import annotations

from pathlib import Path

from manifests.codec import CodecIdentity
from prompts import Templates, load_templates
from trainer.errors import UsageError
from trainer.evaluating.case import Case, Cases, write_cases
from trainer.evaluating.decoupling import Shortage, decoupling_cases
from trainer.evaluating.instruct_tts import instruct_cases
from trainer.evaluating.labelled import Pool, read_pool
from trainer.evaluating.prosody import INSTRUCTIONS, prosody_cases
from trainer.evaluating.recordings import with_recordings
from trainer.evaluating.role_play import read_scenes, role_play_cases
from trainer.evaluating.settings import (
    CasesSettings,
    CorpusSettings,
    DecouplingSettings,
    ProsodySettings,
    RolePlaySettings,
)


class CaseMaker:
    """Collects the cases of all kinds that settings name."""

    def __init__(self, settings: CasesSettings, folder: Path) -> None:
        """Takes the settings, and the folder of the evaluation for recordings."""
        self._settings, self._folder = settings, folder
        self._pools: dict[str, Pool] = {}
        self._cases: list[Case] = []
        self._codecs: dict[str, CodecIdentity] = {}
        self.shortages: list[str] = []

    def make(self, *, recordings: bool = True) -> Cases:
        """All cases; their recordings are written unless that is switched off.

        Raises:
            UsageError: a folder or a file cannot be used, or there is no case at all.
            DataError: a shard is damaged.
        """
        settings = self._settings
        if settings.decoupling is not None:
            for corpus in settings.decoupling.corpora:
                self._add(self._decoupling(corpus, settings.decoupling), corpus, recordings)
        if settings.prosody is not None:
            for corpus in settings.prosody.corpora:
                self._add(self._prosody(corpus, settings.prosody), corpus, recordings)
        if settings.role_play is not None:
            self._add(self._role_play(settings.role_play), settings.role_play, recordings)
        for language, path in settings.instruct.items():
            self._cases += instruct_cases(path, language, settings.instruct_count)
        if not self._cases:
            why = f" ({'; '.join(self.shortages)})" if self.shortages else ""
            raise UsageError(f"cases: the settings give no case at all{why}")
        return Cases(tuple(self._cases), self._codecs)

    def _add(
        self, cases: list[Case], corpus: CorpusSettings | RolePlaySettings, recordings: bool
    ) -> None:
        if corpus.audio is not None and cases and recordings:
            cases = with_recordings(cases, corpus.audio, self._folder)
        self._cases += cases

    def _pool(self, corpus: CorpusSettings) -> Pool:
        return self._read(corpus.folder, corpus.language, corpus)

    def _read(self, folder: str, language: str, corpus: CorpusSettings) -> Pool:
        where = corpus.where if folder == corpus.folder else corpus.texts_where
        name = f"{folder} {language} {sorted(where.items())}"
        if name not in self._pools:
            pool = read_pool(folder, language, where)
            if not pool.utterances:
                raise UsageError(f"{folder}: no utterance in {language!r} with {where} there")
            self._pools[name] = pool
        return self._pools[name]

    def _decoupling(self, corpus: CorpusSettings, settings: DecouplingSettings) -> list[Case]:
        pool = self._pool(corpus)
        texts = self._read(corpus.texts or corpus.folder, corpus.language, corpus)
        self._codecs[pool.codec.short] = pool.codec
        cases, shortages = decoupling_cases(
            pool,
            texts,
            corpus.language,
            settings,
            templates_of(settings.templates, corpus.language),
            self._settings.seed,
        )
        self.shortages += map(Shortage.__str__, shortages)
        return cases

    def _prosody(self, corpus: CorpusSettings, settings: ProsodySettings) -> list[Case]:
        pool, language = self._pool(corpus), corpus.language
        if not all(language in found for found in INSTRUCTIONS.values()):
            raise UsageError(f"cases.prosody: there are no instructions in {language!r}")
        self._codecs[pool.codec.short] = pool.codec
        cases = prosody_cases(pool, language, settings.per_language, self._settings.seed)
        sentences = len({case.text for case in cases})
        if sentences < settings.per_language:
            self.shortages.append(
                f"speed and pitch {language}: {sentences} sentences, not {settings.per_language}"
            )
        return cases

    def _role_play(self, settings: RolePlaySettings) -> list[Case]:
        scenes = read_scenes(settings, self._settings.seed)
        self._codecs[scenes.codec.short] = scenes.codec
        if scenes.wordless:
            self.shortages.append(f"role play: {scenes.wordless} turns without words are left out")
        if settings.count is not None and len(scenes.turns) < settings.count:
            self.shortages.append(f"role play: {len(scenes.turns)} turns, not {settings.count}")
        return role_play_cases(scenes, settings)


def templates_of(label: str, language: str) -> Templates:
    """Instruction templates by name and version, which must have the language.

    Raises:
        UsageError: there are none.
    """
    name, _, version = label.partition("/")
    try:
        found = load_templates(name, version)
    except ValueError as error:
        raise UsageError(f"cases.decoupling.templates: {error}") from error
    if language not in found.texts:
        raise UsageError(f"cases.decoupling.templates: {label} has none in {language!r}")
    return found


def make_cases(
    settings: CasesSettings, folder: Path, *, dry_run: bool = False
) -> tuple[Cases, list[str]]:
    """Makes and writes the cases; gives them, and the lines to end with.

    The lines are the counts, then what is short.
    """
    maker = CaseMaker(settings, folder)
    cases = maker.make(recordings=not dry_run)
    if not dry_run:
        write_cases(folder, cases)
    counts = ", ".join(f"{name} {count:,}" for name, count in cases.counts().items())
    verb = "would write" if dry_run else "wrote"
    lines = [f"{verb} {len(cases.rows):,} cases to {folder}: {counts}"]
    return cases, lines + [f"warning: {line}" for line in maker.shortages]
