"""The readers of corpora as fuzz targets: archives, tables, JSON streams, packages."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.sources.amazon_queen import read_dialogues
from pipelines.sources.base import Shard, Source
from pipelines.sources.game_text import Player, UnspokenText, clean_text
from pipelines.sources.json_array import array_elements
from pipelines.sources.queen_package import open_package
from pipelines.sources.registry import make_source
from pipelines.sources.settings import EmiliaSettings, GameVoiceSettings
from pipelines.sources.sidecar import Sidecar
from pipelines.sources.tar_members import ArchiveTruncated, TarReader
from pipelines.sources.video_url import video_id_of
from pipelines.sources.wenetspeech import read_episodes
from pipelines.sources.wenetspeech_settings import WenetSpeechSettings
from tests.fuzz.mutate import BYTES, JSON, TABLE, TAR, Mutator, flip_bits
from tests.fuzz.target import Target
from tests.pipelines.sources.archives import as_json, clip, row
from tests.pipelines.sources.test_amazon_queen import container, dialogue

ROOT = Path(__file__).parents[2]
DRAMA = ROOT / "samples" / "drama" / "WenetSpeech.json"
RESULT = ROOT / "samples" / "game_voice" / "result.json"


def source_targets(folder: Path) -> list[Target]:
    """Targets that read files of ``folder``, which must be empty."""
    return [*_streams(), *_files(folder), *_tables(folder)]


def _streams() -> list[Target]:
    drama = DRAMA.read_bytes()
    small = json.dumps({"version": 1, "audios": [{"aid": "Y1", "t": [1, {"a": "]"}]}, 7, "x"]})
    return [
        Target(
            "json_array",
            (small.encode(), json.dumps(json.loads(small), indent=2).encode(), drama[:4000]),
            lambda content: list(array_elements(io.BytesIO(content), "x.json", "audios")),
            mutators=JSON,
            share=6,
        ),
        Target("tar_members", _tars(), _members, (ArchiveTruncated,), TAR, share=6),
        Target("amazon_queen", (_queen(),), lambda content: read_dialogues(io.BytesIO(content))),
        Target(
            "game_text",
            tuple(
                text.encode()
                for text in (
                    "#{NICKNAME}, {M#he}{F#she} is <color=#FFD780FF>here</color>!\\n(sigh)",
                    "{PLAYERAVATAR#SEXPRO[INFO_MALE_PRONOUN_HE|aunt]} and {RUBY_B#x}me{RUBY_E#}",
                    "{LINK#a}b{/LINK}{NON_BREAK_SPACE}{TEXTJOIN#54}",
                )
            ),
            lambda content: clean_text(_text(content), "en", Player("male", {"en": "Traveler"})),
            (UnspokenText,),
            TABLE,
            share=6,
        ),
        Target(
            "video_url",
            (b"https://www.youtube.com/watch?v=-Kd8wPq3ZtE&t=3", b"https://[::1]:80/a/b?v=1#x"),
            lambda content: video_id_of(_text(content)),
            (),
            TABLE,
            share=6,
        ),
    ]


def _files(folder: Path) -> list[Target]:
    emilia = make_source("emilia", EmiliaSettings(kind="emilia", pending_limit=100))
    game = make_source("game", GameVoiceSettings(kind="game_voice", game="A game"))
    drama = json.loads(DRAMA.read_bytes())
    for audio in drama["audios"]:
        audio["segments"] = audio["segments"][:3]
    batch = b"\n".join(as_json(row(f"EN_B00000_S00000_W00000{n}")) for n in range(3))
    names = list(json.loads(RESULT.read_bytes()).items())[:3]
    (folder / "EN_B00000_S00000_W000000.mp3").write_bytes(clip())
    (folder / names[0][0]).write_bytes(clip())
    sidecar = (ROOT / "samples" / "emilia" / "metadata.jsonl").read_bytes()
    return [
        _read(emilia, folder / "EN_B00000.jsonl", "jsonl", (batch,), JSON),
        _read(emilia, folder / "a.tar", "tar", _tars(), (*TAR, *JSON[:5])),
        _read(
            game, folder / "result.json", "result_json", (json.dumps(dict(names)).encode(),), JSON
        ),
        Target(
            "sidecar",
            (b"\n".join(sidecar.splitlines()[:4]),),
            _with_file(folder / "metadata.jsonl", lambda path: Sidecar([str(path)]).find("EN_x")),
            mutators=JSON,
        ),
        Target(
            "wenetspeech",
            (json.dumps(drama).encode(), json.dumps(drama, indent=1).encode()),
            _with_file(
                folder / "WenetSpeech.json",
                lambda path: list(
                    read_episodes(str(path), "w", WenetSpeechSettings(kind="wenetspeech"))
                ),
            ),
            mutators=JSON,
            share=0.3,
        ),
        Target(
            "queen_package",
            (_package("gz"), _package("xz"), _package("")),
            _with_file(folder / "queen.deb", _open),
        ),
    ]


def _tables(folder: Path) -> list[Target]:
    game = make_source("game", GameVoiceSettings(kind="game_voice", game="A game"))
    rows = [
        {
            "audio": {"bytes": clip(4) if n % 2 else b"", "path": f"{n}.wav"},
            "ingame_filename": f"VO\\vo_{n}.wem",
            "transcription": "Hm? Back already?",
            "language": "English(US)",
            "speaker": "Mei",
            "voice_type": None,
        }
        for n in range(20)
    ]
    samples = []
    for options in ({}, {"compression": "none", "use_dictionary": False, "row_group_size": 5}):
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), buffer, **options)
        samples.append(buffer.getvalue())
    path = folder / "lines.parquet"
    return [_read(game, path, "parquet", tuple(samples), (*BYTES, *BYTES, flip_bits, flip_bits))]


def _read(
    source: Source,
    path: Path,
    layout: str,
    samples: tuple[bytes, ...],
    mutators: tuple[Mutator, ...],
) -> Target:
    return Target(
        f"{source.name} {layout}",
        samples,
        _with_file(path, lambda path: list(source.read(Shard(str(path), layout)))),
        mutators=mutators,
    )


def _with_file(path: Path, parse: Callable[[Path], object]) -> Callable[[bytes], object]:
    def written(content: bytes) -> object:
        path.write_bytes(content)
        return parse(path)

    return written


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")  # what is no UTF-8 gives lone surrogates


def _tars() -> tuple[bytes, ...]:
    """Two utterances: plain, packed, in pax with a long name, and in GNU's form."""
    found = []
    long = "EN_B00000/" * 12 + "EN_B00000_S00000_W000001"
    for form in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
            names = ["EN_B00000_S00000_W000000"] + [long] * (form != tarfile.USTAR_FORMAT)
            for name in names:
                for suffix, payload in ((".json", as_json(row(name[-24:]))), (".mp3", clip())):
                    info = tarfile.TarInfo(name + suffix)
                    info.size = len(payload)
                    archive.addfile(info, io.BytesIO(payload))
        found.append(buffer.getvalue())
    return (*found, gzip.compress(found[0], mtime=0))


def _queen() -> bytes:
    talk = dialogue(7, [(1, "Hello there.")], [(1, "Hi *Joe*.")], ("A.B", "C"))
    return container({"SPARKY.DOG": talk, "70001P1.SB": clip(3)})


def _package(packing: str) -> bytes:
    """A Debian package with the container, and the two texts of its licence."""
    buffer, share = io.BytesIO(), "./usr/share"
    name = "flight-of-the-amazon-queen"
    with tarfile.open(fileobj=buffer, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]
        for path, content in (
            (f"{share}/scummvm/{name}/queen.1c", _queen()),
            (f"{share}/doc/{name}/readme.txt.gz", gzip.compress(b"read me", mtime=0)),
            (f"{share}/doc/{name}/copyright", b"free to distribute"),
        ):
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    found = b"!<arch>\n"
    suffix = f".{packing}" if packing else ""
    for member, payload in (("debian-binary", b"2.0\n"), (f"data.tar{suffix}", buffer.getvalue())):
        header = f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(payload):<10}`\n"
        found += header.encode() + payload + b"\n" * (len(payload) % 2)
    return found


def _open(path: Path) -> object:
    # Any hash will do: what is under test is the way to the container, not the container.
    with open_package(path) as opened:
        return opened.container.read()


def _members(content: bytes) -> object:
    reader = TarReader(io.BytesIO(content))
    return [reader.read(member) for member in reader if member.size < 1 << 20]
