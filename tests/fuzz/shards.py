"""Emitted shards as fuzz targets: cuts, tars of audio and codes, the identity of a tokenizer."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

from manifests.codec import CodecIdentity
from manifests.codes import CodeShard, CodeShardWriter, read_coded
from manifests.prompt_cuts import are_prompts, read_prompts
from manifests.recorded import ShardDamaged, parse_cut, read_recorded
from manifests.shards import ShardPaths
from manifests.small_tar import members
from tests.fuzz.mutate import JSON, TAR, Mutator
from tests.fuzz.target import Target
from tests.pipelines.sources.archives import clip
from tests.records import uncounted
from tests.trainer.coded import CODEC, utterance


def shard_targets(folder: Path) -> list[Target]:
    """Targets that read shards of ``folder``, which must be empty."""
    cuts, codes = _coded(folder)
    lines = gzip.decompress(cuts)
    recording = _recording([json.loads(line)["id"] for line in lines.splitlines()])
    files = {"cuts": folder / "cuts.jsonl.gz", "tar": folder / "codes.tar"}
    coded = CodeShard(0, str(files["cuts"]), str(files["tar"]), str(folder / "none.tar"))
    recorded = ShardPaths(0, str(files["cuts"]), str(files["tar"]))

    def read(kind: str, whole: dict[str, bytes], parse: Callable[[], object]) -> Target:
        """A reader of two files, of which the one of this kind is damaged."""

        def parsed(content: bytes) -> object:
            for name, path in files.items():
                path.write_bytes(content if name == kind else whole[name])
            return parse()

        return Target(f"{parse.__name__} {kind}", (whole[kind],), parsed, (ShardDamaged,), TAR, 0.3)

    def coded_shard() -> object:
        return list(read_coded(coded))

    def recorded_shard() -> object:
        return list(read_recorded(recorded))

    with_codes, with_audio = {"cuts": cuts, "tar": codes}, {"cuts": cuts, "tar": recording}
    return [
        read("cuts", with_codes, coded_shard),
        read("tar", with_codes, coded_shard),
        read("cuts", with_audio, recorded_shard),
        read("tar", with_audio, recorded_shard),
        _plain("parse_cut", (lines.splitlines()[0],), lambda c: parse_cut(c, "x:1"), JSON),
        Target(
            "small_tar", (codes, recording), lambda c: list(members(c)), (tarfile.TarError,), TAR
        ),
        Target(
            "codec.json",
            (CODEC.to_json().encode(),),
            lambda c: CodecIdentity.from_json(c.decode("utf-8", "surrogateescape")),
            (ValueError,),
            JSON,
        ),
        *_prompts(folder, lines),
    ]


def _plain(
    name: str,
    samples: tuple[bytes, ...],
    parse: Callable[[bytes], object],
    how: tuple[Mutator, ...],
) -> Target:
    return Target(name, samples, parse, (ShardDamaged,), how, 6)


def _prompts(folder: Path, lines: bytes) -> list[Target]:
    path, stage = folder / "prompts.jsonl.gz", folder / "stage.json"
    facts = uncounted("emit", "s3", "prompt", rows=2)

    def read(content: bytes) -> object:
        path.write_bytes(gzip.compress(content, 1))
        return list(read_prompts(str(path)))

    def asked(content: bytes) -> object:
        stage.write_bytes(content)
        return are_prompts(str(folder))

    return [
        Target("read_prompts", (_unrecorded(lines),), read, (ShardDamaged,), JSON),
        Target("are_prompts", (facts.to_json().encode(),), asked, (), JSON, 0.5),
    ]


def _coded(folder: Path) -> tuple[bytes, bytes]:
    with CodeShardWriter(str(folder / "made"), 0, keep_audio=False) as writer:
        for number in range(3):
            made = utterance(f"cut{number}")
            writer.write(made["cut"], made["codes"], CODEC.short)
    found = {path.name.partition(".")[0]: path for path in (folder / "made").rglob("*.*")}
    return found["cuts"].read_bytes(), found["codes"].read_bytes()


def _unrecorded(lines: bytes) -> bytes:
    cuts = [json.loads(line) for line in lines.splitlines()]
    return b"\n".join(json.dumps({**cut, "recording": None}).encode() for cut in cuts)


def _recording(keys: list[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for key in keys:
            for name, content in ((f"{key}.mp3", clip(3)), (f"{key}.json", b"{}\n")):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
