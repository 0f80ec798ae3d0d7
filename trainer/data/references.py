"""The reference speech of a row, and the utterance that is not preferred to it.

Drawn anew every epoch, by a generator that depends on nothing but the seed, the epoch and the row,
so that going on in the middle draws the same.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from trainer.data.cuts import CodedFolder, CodedTurn, Shard, holds
from trainer.data.settings import PairSettings, ReferenceSettings
from trainer.errors import UsageError


class References:
    """Draws references as one source's settings say."""

    def __init__(self, settings: Sequence[ReferenceSettings], seed: int) -> None:
        """Reads the folders of references, where settings name any: they are small corpora.

        Raises:
            UsageError: a folder of references has none.
            DataError: one of its shards is damaged.
        """
        self._settings = settings
        self._seed = seed
        self.folders = [None if one.folder is None else CodedFolder(one.folder) for one in settings]
        self._own: list[Shard | None] = [None] * len(settings)
        for number, (one, folder) in enumerate(zip(settings, self.folders, strict=True)):
            if folder is not None:
                turns = [t for n in range(len(folder.shards)) for t in folder.read(n).turns]
                wanted = [turn for turn in turns if holds(turn, one.where)]
                if not wanted:
                    raise UsageError(f"{folder.folder}: no reference with {one.where} there")
                self._own[number] = Shard(wanted)

    def draw(self, turn: CodedTurn, shard: Shard, epoch: int) -> CodedTurn | None:
        """The reference of a row; None where the settings give it none, or there is no candidate.

        Args:
            turn: the target.
            shard: the one it is from.
            epoch: from 0.
        """
        if not self._settings:
            return None
        chance = random.Random(f"reference {self._seed} {epoch} {turn.id}")
        left = chance.random()
        for number, one in enumerate(self._settings):
            left -= one.share
            if left < 0:
                own = self._own[number]
                pool = shard if own is None else own
                same = one.speaker == "same"
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
        settings: how the two differ.
        seed: of the draw.
        epoch: from 0.

    Returns:
        An utterance of the same speaker; None where none differs as it should.
    """
    mine = turn.field(settings.differs)
    candidates = [
        other
        for other in shard.speakers[turn.speaker]
        if other.id != turn.id
        and other.field(settings.differs) not in (None, mine)
        and (not settings.same_text or other.text == turn.text)
    ]
    if mine is None or not candidates:
        return None
    return random.Random(f"rejected {seed} {epoch} {turn.id}").choice(candidates)
