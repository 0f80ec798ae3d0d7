"""The reference speech of a row, and the utterance that is not preferred to it.

Drawn anew every epoch, by a generator that depends on nothing but the seed, the epoch and the row,
so that going on in the middle draws the same; or named by the row, see :mod:`trainer.data.by_id`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from trainer.data.by_id import ById, Spoken
from trainer.data.cuts import CodedFolder, CodedTurn, Shard, holds
from trainer.data.settings import PairSettings, ReferenceSettings
from trainer.errors import UsageError


class References:
    """Draws references as one source's settings say."""

    def __init__(self, settings: Sequence[ReferenceSettings], seed: int, own_folder: str) -> None:
        """Reads the folders of references, where settings name any: they are small corpora.

        Args:
            settings: of the source.
            seed: of the draws.
            own_folder: of the source, where rows may name their references.

        Raises:
            UsageError: a folder of references has none.
            DataError: one of its shards is damaged.
        """
        self._settings = settings
        self._seed = seed
        self.folders: list[CodedFolder] = []  # that references come from, beside the row's shard
        self._own: list[Shard | None] = [None] * len(settings)
        self._own_folder = own_folder
        self._read: dict[tuple[str, ...], ById] = {}
        for number, one in enumerate(settings):
            names = one.folders
            if one.by is not None:
                self.by_id(names)
            elif names:
                folders = [CodedFolder(name) for name in names]
                self.folders += folders
                turns = [t for f in folders for n in range(len(f.shards)) for t in f.read(n).turns]
                wanted = [turn for turn in turns if holds(turn, one.where)]
                if not wanted:
                    where = ", ".join(names)
                    raise UsageError(f"{where}: no reference with {one.where} there")
                self._own[number] = Shard(wanted)

    def by_id(self, names: Sequence[str] = ()) -> ById:
        """All utterances of some folders, or of the source's own; read once.

        Raises:
            UsageError: there are no codes.
            DataError: a shard is damaged.
        """
        key = tuple(names) or (self._own_folder,)
        if key not in self._read:
            folders = [CodedFolder(name) for name in key]
            self.folders += folders
            self._read[key] = ById(folders)
        return self._read[key]

    def draw(self, turn: CodedTurn, shard: Shard, epoch: int) -> CodedTurn | Spoken | None:
        """The reference of a row; None where the settings give it none, or there is no candidate.

        Args:
            turn: the target.
            shard: the one it is from.
            epoch: from 0.

        Raises:
            NameUnknown: the row names a reference that is not there.
            DataError: it names one that several utterances have for their id.
        """
        if not self._settings:
            return None
        chance = random.Random(f"reference {self._seed} {epoch} {turn.id}")
        left = chance.random()
        for number, one in enumerate(self._settings):
            left -= one.share
            if left < 0:
                if one.by is not None:
                    return self.by_id(one.folders).named(turn, one.by)
                own = self._own[number]
                pool = shard if own is None else own
                same = one.speaker != "any"
                others = pool.speakers.get(turn.speaker, []) if same else pool.turns
                where = one.where if own is None else {}  # those of a folder are chosen already
                candidates = [o for o in others if o.id != turn.id and holds(o, where)]
                return chance.choice(candidates) if candidates else None
        return None


def draw_rejected(
    turn: CodedTurn, shard: Shard, settings: PairSettings, seed: int, epoch: int
) -> CodedTurn | None:
    """The utterance that is not preferred to this one (FlexiVoice 3.2.1, A.5).

    Args:
        turn: the one that is.
        shard: the one it is from.
        settings: how the two differ; not those of pairs that rows name.
        seed: of the draw.
        epoch: from 0.

    Returns:
        An utterance of the same speaker; None where none differs as it should.
    """
    differs = settings.differs or ""
    mine = turn.field(differs)
    candidates = [
        other
        for other in shard.speakers[turn.speaker]
        if other.id != turn.id
        and other.field(differs) not in (None, mine)
        and (not settings.same_text or other.text == turn.text)
    ]
    if mine is None or not candidates:
        return None
    return random.Random(f"rejected {seed} {epoch} {turn.id}").choice(candidates)
