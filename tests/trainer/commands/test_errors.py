"""Bad usage and bad input: exit status 2, one line that says what to do, nothing written."""

from pathlib import Path

import pytest

from tests.trainer.commands.running import RULE, run
from tests.trainer.demo import CODEC
from trainer.make_tiny import main as make_tiny
from trainer.tokenize import main as tokenize

PRETRAIN, S1, S2, RP = "flexivoice_pretrain", "flexivoice_s1", "flexivoice_s2", "rp_tts_grpo"
TINY = "model.path=data/models/tiny_flexivoice"
TINY_TA4 = "model.path=data/models/tiny_step_audio_2"


def source(folder: str, more: str = "") -> str:
    return f"data.sources=[{{name: s2, folder: {folder}{more}}}]"


WRONG = [
    (PRETRAIN, ["loop.epoch=3"], "loop.epoch: Extra inputs are not permitted"),
    (PRETRAIN, ["optim.learning_rate=high"], "optim.learning_rate: Input should be a valid number"),
    (PRETRAIN, ["optim.learning_rate"], "a change of a setting is KEY=VALUE"),
    (
        PRETRAIN,
        ["model.path=data/models/none"],
        "model.path data/models/none: its tokenizer cannot be loaded",
    ),
    (PRETRAIN, [source("data/none")], "data/none"),
    (PRETRAIN, [source("data/emilia/emit")], "run trainer.tokenize"),
    (PRETRAIN, [source("data/emilia/codes", ", where: {value: none}")], "none is as `where`"),
    (PRETRAIN, ["data.max_row_tokens=20"], "tokens, data.max_row_tokens is 20"),
    (PRETRAIN, ["vocab.names=step_audio_2"], "the tokenizer has no token <tts_end>"),
    (PRETRAIN, ["vocab.n_codes=300"], "<code_256>"),
    (PRETRAIN, ["data.layout=ta4"], "layout"),
    (PRETRAIN, ["loop.device=cuda"], "loop.device is cuda, but PyTorch sees no GPU here"),
    (S1, [TINY, source("data/game_voice/codes")], "has no pairs to prefer one of"),
    (S1, [TINY, source("data/emilia/codes", ", pairs: {differs: mood}")], "no_pair|differs"),
    (S2, [TINY, "asks={s2: [sv, llm]}"], "asks for llm, and rewards has no settings for it"),
    (S2, [TINY, "asks={s1: [sv]}"], "asks names ['s1'], the sources are ['s2']"),
    (S2, [TINY, "weights={cer: 1.0}"], "cer is an error rate"),
    (S2, [TINY, "weights={gated: 1.0, cer: -1}"], "weights names ['gated']"),
    (S2, [TINY, "speech_tokenizer=null"], "name the speech tokenizer"),
    (S2, [TINY, "speech_tokenizer=kmeans:none"], "none: no such file; fit a codec first"),
    (S2, [TINY, source("data/game_voice/codes")], "has no reference speech"),
    (S2, [*RULE, "rewards.rule.rule=volume"], "rewards.rule.rule: Input should be 'codes' or"),
    (
        RP,
        [TINY_TA4, "rewards.mclp.model=data/none"],
        "scorer data/none: it cannot be loaded: no such folder here",
    ),
    (RP, [TINY_TA4, "rewards.cer=null"], "hybrid is made of mclp and cer"),
]


@pytest.mark.parametrize(("stage", "changes", "message"), WRONG)
def test_what_is_wrong_is_said_in_one_line(
    demo: Path,
    capsys: pytest.CaptureFixture[str],
    stage: str,
    changes: list[str],
    message: str,
) -> None:
    if "cuda" in message:
        import torch

        if torch.cuda.is_available():
            pytest.skip("there is a GPU here")
    assert run(stage, "runs/wrong", *changes) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert any(part in error for part in message.split("|"))
    assert not Path("runs/wrong").exists()


@pytest.fixture
def others(demo: Path) -> str:
    """A codec like the demo's, and not the same."""
    path = demo / "data" / "other.safetensors"
    if not path.is_file():
        few = ["--set", "fit.clusters=256", "--set", "fit.iterations=1"]
        fit = ["--config", "data/tokenize.yaml", "--fit", "--tokenizer", f"kmeans:{path}"]
        config = Path(__file__).parents[3] / "trainer" / "configs" / "tokenize.yaml"
        Path("data/tokenize.yaml").write_text(config.read_text())
        assert tokenize([*fit, "--input", "data/game_voice/emit", *few]) == 0
        encode = ["--tokenizer", f"kmeans:{path}", "--input", "data/emilia/emit"]
        output = ["--output", "data/emilia/other_codes"]
        assert tokenize(["--config", "data/tokenize.yaml", *encode, *output]) == 0
        model = ["--names", "step_audio_2", "--codes", "data/emilia/other_codes"]
        assert make_tiny([*model, "--output", "data/models/other"]) == 0
    return str(path.relative_to(demo))


def test_codes_of_another_codec_are_found_out(
    demo: Path, others: str, capsys: pytest.CaptureFixture[str]
) -> None:
    two = "[{folder: data/game_voice/codes}, {folder: data/emilia/other_codes}]"
    for stage, changes, message in (
        (PRETRAIN, [source("data/emilia/other_codes")], "tiny_flexivoice is a model for codes of"),
        (PRETRAIN, [f"data.sources={two}"], "tokenize all with one speech tokenizer"),
        (S2, [TINY, f"speech_tokenizer=kmeans:{others}"], "but the shards have codes of"),
        (RP, [TINY_TA4, "rewards.mclp.model=data/models/other"], "other is a model for codes of"),
    ):
        capsys.readouterr()
        assert run(stage, "runs/wrong", *changes) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
        assert "kmeans-256@25Hz:" in error


def test_a_run_goes_on_with_its_own_configuration_only(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = (*RULE, "loop.max_steps=2")
    assert run(S2, "runs/own", *changes) == 0
    capsys.readouterr()
    assert run(S2, "runs/own", *changes, "beta=0.2") == 2
    error = capsys.readouterr().err
    assert "was made with another configuration" in error and error.count("\n") == 1
    assert run(S2, "runs/own", *changes, "microbatch_tokens=512", "loop.log_every=2") == 0


def test_the_codec_of_the_demo_is_what_its_shards_say(demo: Path) -> None:
    from manifests.codec import read_codec
    from trainer.speech.registry import load_tokenizer

    assert load_tokenizer(f"kmeans:{CODEC}").identity == read_codec("data/emilia/codes")
