"""Words: WER, CER and pinyin WER (FlexiVoice 5.1, MCLP 6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trainer.audio_models.protocol import Transcriber
from trainer.evaluating.case import ROLE_PLAY, Case
from trainer.evaluating.judges.protocol import Verdict
from trainer.evaluating.spoken import Sounds, Spoken
from trainer.text_normal import NORMALISER

# FlexiVoice Table 3, which has no error rate of TO-hard; MCLP Table 2.
SPOKEN_WORDS = ("to_easy", "tr_easy", "tr_hard", *ROLE_PLAY)


class TranscriptJudge:
    """Which words are heard: WER, CER, pinyin WER (FlexiVoice 5.1, MCLP 6.1)."""

    name = "transcript"
    fallible = False

    def __init__(self, transcriber: Transcriber) -> None:
        """Takes an ASR and loads it.

        Raises:
            UsageError: it is not there.
        """
        self._transcriber = transcriber
        transcriber.load()
        names = [str(value) for key, value in self.identity.items() if key.startswith("asr")]
        self.label = f"{' and '.join(names)}, normaliser {NORMALISER}"

    @property
    def identity(self) -> Mapping[str, object]:
        """The ASR."""
        return self._transcriber.identity

    def wants(self, case: Case) -> bool:
        """What the papers' tables have an error rate of."""
        return case.task in SPOKEN_WORDS

    def depends(self, case: Case) -> Mapping[str, object]:
        """The language."""
        return {"language": case.language}

    def hear(self, batch: Sequence[Spoken], sounds: Sounds) -> list[Verdict]:
        """The transcripts."""
        speech = [sounds.spoken(one) for one in batch]
        texts = self._transcriber.transcribe(speech, [one.case.language for one in batch])
        return [{"text": text} for text in texts]
