"""Folders of prompts without speech (FlexiVoice's S3): GRPO's rows that have no ground truth.

Such a folder is what `pipelines.emit` leaves of the S3 set: cuts without recording, and no codes
beside them. Its turns have no codes, its rows a prompt and nothing to be trained on but rollouts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from manifests.codec import CodecIdentity
from manifests.codes import CodedCut
from manifests.prompt_cuts import UNIT, are_prompts, read_prompts
from manifests.recorded import ShardDamaged
from manifests.shards import list_shards
from schemas import StageFacts
from trainer.data.cuts import CodedFolder, CodedTurn, Shard, one_codec
from trainer.data.settings import DataSettings, SourceSettings
from trainer.errors import DataError, UsageError

_NO_CODES = np.zeros(0, dtype=np.int16)


class PromptFolder:
    """One finished folder of prompts."""

    def __init__(self, folder: str) -> None:
        """Finds its shards; reads none of them.

        Raises:
            UsageError: there are none, or the folder is not finished.
        """
        self.folder = folder
        self.shards: list[str] = [paths.cuts for paths in list_shards(folder)[0]]
        lost = [path for path in self.shards if not Path(path).is_file()]
        if lost or not self.shards:
            where = lost[0] if lost else f"{folder}: a shard of prompts"
            raise UsageError(f"{where} is missing; run pipelines.emit again")
        text = Path(folder, "stage.json").read_text(encoding="utf-8")
        self.facts = StageFacts.from_json(text)  # read before, by are_prompts

    def fingerprint(self) -> list[object]:
        """What of the folder must be the same when training goes on."""
        return [UNIT, self.facts.rows_out, [Path(path).stat().st_size for path in self.shards]]

    def read(self, number: int) -> Shard:
        """All turns of one shard; they have no codes.

        Raises:
            DataError: the shard is damaged.
        """
        try:
            cuts = [CodedCut(cut, _NO_CODES, at) for cut, at in read_prompts(self.shards[number])]
        except ShardDamaged as error:
            raise DataError(f"{error}; run pipelines.emit again") from error
        return Shard([CodedTurn(cut, 0, _NO_CODES) for cut in cuts])


TurnFolder = CodedFolder | PromptFolder


def turn_folder(source: SourceSettings, data: DataSettings, prompts: bool) -> TurnFolder:
    """The folder of a source: of codes, or of prompts where those can be used.

    Raises:
        UsageError: it is neither; or it has prompts, and they are no rows of this training, of
            its layout or of the source's settings.
    """
    if not are_prompts(source.folder):
        return CodedFolder(source.folder)
    where = f"{source.folder} has prompts without speech"
    if not prompts:
        raise UsageError(f"{where}: nothing to learn from but rewards; give it to trainer.grpo")
    if data.layout != "append":
        raise UsageError(f"{where}: a source of data.layout append, not of {data.layout}")
    if source.pairs is not None or any(one.folder is None for one in source.references):
        raise UsageError(
            f"{where}: none of them can be a reference or the worse of a pair; leave pairs out of "
            "the source, and give its references a folder of trainer.tokenize"
        )
    return PromptFolder(source.folder)


def known_codec(folders: Sequence[CodedFolder], model: CodecIdentity | None) -> CodecIdentity:
    """The speech tokenizer that all codes are of; the model's own where there are no codes.

    Raises:
        UsageError: they are of several, or there is nothing that tells.
    """
    if folders:
        return one_codec(folders)
    if model is None:
        raise UsageError(
            "all sources have prompts without speech, and the model does not say whose codes it "
            "speaks (codec.json is missing in its folder): add a source of trainer.tokenize"
        )
    return model
