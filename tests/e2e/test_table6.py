"""The labelled corpora of FlexiVoice 5.1, A.2 and A.4, each from its dump to shards.

ESD and KeSpeech, of which more is asked, are in `test_labelled.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lhotse
import pytest

from manifests.validate import validate
from tests.e2e.workplace import Workplace
from tests.pipelines.sources.labelled.dumps_child_mandarin import write_child_mandarin
from tests.pipelines.sources.labelled.dumps_corpora import (
    write_crema_d,
    write_emns,
    write_iemocap,
    write_m3ed,
    write_meld,
    write_msp_podcast,
    write_ravdess,
)
from tests.pipelines.sources.labelled.dumps_debatts import write_debatts
from tests.pipelines.sources.labelled.dumps_emotions import (
    write_csemotions,
    write_mead,
    write_ncssd,
)
from tests.pipelines.sources.labelled.dumps_l2_arctic import write_l2_arctic
from tests.pipelines.sources.labelled.dumps_nvspeech import write_nvspeech
from tests.pipelines.sources.labelled.dumps_paraspeechcaps import roots, write_paraspeechcaps

# Kind -> how a dump is written, whose word the instruction is, and which templates have it.
CORPORA: dict[str, tuple[Callable[[Path], object], str, str | None]] = {
    "crema_d": (write_crema_d, "template", "emotion_templates/v1"),
    "emns": (write_emns, "template", "emotion_templates/v1"),
    "iemocap": (write_iemocap, "template", "emotion_templates/v1"),
    "m3ed": (write_m3ed, "template", "emotion_templates/v1"),
    "meld": (write_meld, "template", "emotion_templates/v1"),
    "msp_podcast": (write_msp_podcast, "template", "emotion_templates/v1"),
    "ravdess": (write_ravdess, "template", "emotion_templates/v1"),
    "child_mandarin": (write_child_mandarin, "template", "child_templates/v1"),
    "debatts": (write_debatts, "template", "scene_templates/v1"),
    "l2_arctic": (write_l2_arctic, "tuple", "attribute_instructions/v1"),
    "nvspeech": (write_nvspeech, "default", None),
    "ncssd": (write_ncssd, "default", None),
    "mead": (write_mead, "template", "emotion_templates/v1"),
    "csemotions": (write_csemotions, "template", "emotion_templates/v1"),
    "paraspeechcaps": (write_paraspeechcaps, "shipped", None),
}
# What a source needs to be told besides where it is.
TOLD: dict[str, Callable[[Path], dict[str, Any]]] = {
    "mead": lambda home: {"sentences": [str(home / "MEAD" / "sentences.tsv")]},
    "paraspeechcaps": lambda home: {"roots": roots(home)},
}


@pytest.mark.parametrize("kind", CORPORA)
def test_a_corpus_becomes_shards_with_instructions(kind: str, workplace: Workplace) -> None:
    write, origin, prompt = CORPORA[kind]
    home = workplace.folder / "dumps"
    written = write(home)
    inside = list(home.iterdir())
    corpus = inside[0] if len(inside) == 1 else home
    if isinstance(written, Path):
        corpus = written
    told = TOLD[kind](home) if kind in TOLD else {}
    workplace.change({f"sources.{kind}": {"kind": kind, "input": [str(corpus)], **told}})
    for verb in ("ingest", "annotate", "emit"):
        workplace.done(verb, kind)
        facts = workplace.facts(kind, verb)
        assert facts["out"] > 0 and facts["in"] == facts["out"] + sum(facts["rejected"].values())
    emitted = workplace.data / kind / "emit"
    assert validate(str(emitted), decode=1.0).ok
    cuts = lhotse.CutSet.from_shar(in_dir=str(emitted / "shar"))
    for supervision in (cut.supervisions[0] for cut in cuts):
        custom: dict[str, Any] = supervision.custom
        assert (custom["instruction_origin"], custom.get("prompt_name")) == (origin, prompt)
        assert custom["instruction_default"] == (origin == "default")
        assert custom["instruction"].strip()
