from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from pipelines.errors import UsageError
from pipelines.sources.amazon_queen import read_dialogues, split_line
from pipelines.sources.game_voice import GameVoiceSource
from pipelines.sources.queen_dump import build_corpus, choose_excerpt, list_lines
from pipelines.sources.queen_package import INSTALLED
from pipelines.sources.settings import GameVoiceSettings
from schemas import Utterance
from tests.pipelines.sources.archives import FRAME

CLIP = FRAME * 10


def string(text: str, alignment: int, start: int) -> bytes:
    raw = bytes([len(text)]) + text.encode("ascii")
    return raw + bytes(-(start + len(raw)) % alignment) if text else raw


def table(rows: list[tuple[int, str]], start: int) -> bytes:
    content = b""
    for row_id, text in rows:
        content += struct.pack(">hh", 9, row_id)
        content += string(text, 4, start + len(content))
    return content


def dialogue(
    talk_key: int,
    joe: list[tuple[int, str]],
    person: list[tuple[int, str]],
    second: tuple[str, str],
    levels: int = 1,
) -> bytes:
    joe_table = 32 + 96 * abs(levels)
    joe_bytes = table(joe, joe_table)
    person_table = joe_table + len(joe_bytes)
    person_bytes = table(person, person_table)
    cutaway = person_table + len(person_bytes)
    cutaway_bytes = struct.pack(">hh", 1, 2) + string("c1a.CUT", 2, cutaway + 4)
    visit = cutaway + len(cutaway_bytes)
    first = string(second[0], 2, visit)
    visit_bytes = first + string(second[1], 2, visit + len(first))
    head = struct.pack(">5h", levels, 7, talk_key, len(joe), len(person)) + bytes(12)
    head += struct.pack(">3H", person_table, cutaway, visit) + bytes(4)
    assert len(head) == 32
    tree = bytes(96 * abs(levels))
    return (
        b"AmBk" + bytes(16) + head + tree + joe_bytes + person_bytes + cutaway_bytes + visit_bytes
    )


def container(entries: dict[str, bytes], compression: int = 1) -> bytes:
    start = 15 + 21 * len(entries)
    rows, body = b"", b""
    for name in sorted(entries):
        rows += struct.pack(">12sBII", name.encode(), 1, start + len(body), len(entries[name]))
        body += entries[name]
    head = b"QTBLCEM10\0" + bytes(2) + bytes([compression]) + struct.pack(">H", len(entries))
    return head + rows + body


def tiny() -> bytes:
    bob = dialogue(
        5,
        joe=[
            (0, "Hello there.*00"),
            (1, " One.*XY12(034,200) Two. *AO*WTFour."),
            (0x20, "Kept."),
            (0x20, "Not kept."),
        ],
        person=[(0, "Repeats Joe."), (1, ""), (2, "*01What?"), (3, "0"), (4, "(sigh)")],
        second=("Back again?", "So it seems."),
        levels=-2,
    )
    mute = dialogue(6, joe=[(0, "")], person=[(1, "No clip for it.")], second=("0", ""))
    clips = (
        "05SSSSJ1 050001J1 050001J2 050001J4 050020J1 050002P2 050003P1 050004P1 05XXXXP1 05XXXXJ1 "
        "050000P1 C01A_011"
    )
    entries = {f"{name}.SB": CLIP for name in clips.split()}
    return container({"BOB12.DOG": bob, "MUTE.DOG": mute, **entries})


def test_a_tiny_container() -> None:
    found = read_dialogues(io.BytesIO(tiny()))
    assert [(line.clip, line.character, line.text) for line in found.lines] == [
        ("05SSSSJ1.SB", "JOE", "Hello there."),
        ("050001J1.SB", "JOE", "One."),
        ("050001J2.SB", "JOE", "Two."),
        ("050001J4.SB", "JOE", "Four."),
        ("050020J1.SB", "JOE", "Kept."),
        ("050002P2.SB", "BOB", "What?"),
        ("050004P1.SB", "BOB", "(sigh)"),
        ("05XXXXP1.SB", "BOB", "Back again?"),
        ("05XXXXJ1.SB", "JOE", "So it seems."),
    ]
    assert [line.text for line in found.repeats] == ["Not kept."]
    assert found.sections == Counter(table=7, opening=1, second_visit=2)
    assert [line.text for line in found.lines if line.is_sound] == ["(sigh)"]


@pytest.mark.parametrize(
    "content", [b"", b"QTBL", b"RIFF" * 9, tiny()[:100], container({}, compression=2)]
)
def test_what_is_no_such_container_is_said_so(content: bytes) -> None:
    with pytest.raises(UsageError):
        read_dialogues(io.BytesIO(content))


def test_a_damaged_dialogue_is_named() -> None:
    content = container({"BOB.DOG": dialogue(5, [(0, "Hi.")], [], ("", ""))[:-10]})
    with pytest.raises(UsageError, match=r"BOB\.DOG"):
        read_dialogues(io.BytesIO(content.replace(b"\x03Hi.", b"\xffHi.")))


def test_commands_keep_the_numbers_of_empty_pieces() -> None:
    assert split_line("*01a*FLb*24*XY01(001,002)c") == ["", "a", "b", "", "c"]
    assert split_line("5 * 3*ab") == ["5 * 3*ab"]


def as_package(path: Path, content: bytes) -> Path:
    payload = io.BytesIO()
    with tarfile.open(fileobj=payload, mode="w:xz") as archive:
        for name, member in (
            ("./usr/share/scummvm/flight-of-the-amazon-queen/queen.1c", content),
            ("./usr/share/doc/flight-of-the-amazon-queen/copyright", b"their licence"),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(member)
            archive.addfile(info, io.BytesIO(member))
    package = b"!<arch>\n"
    for name, member in (("debian-binary", b"2.0"), ("data.tar.xz", payload.getvalue())):
        package += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (
            name.encode(),
            0,
            0,
            0,
            b"100644",
            len(member),
        )
        package += member + b"\n" * (len(member) % 2)
    path.write_bytes(package)
    return path


@pytest.mark.parametrize("form", ["deb", "file", "folder"])
def test_a_built_corpus_reads_as_game_voice(tmp_path: Path, form: str) -> None:
    content = tiny()
    sha256 = hashlib.sha256(content).hexdigest()
    path = tmp_path / "in" / "queen.1c"
    path.parent.mkdir()
    path.write_bytes(content)
    if form == "deb":
        path = as_package(tmp_path / "queen.deb", content)
    elif form == "folder":
        path = path.parent
    output = tmp_path / "out"
    built = build_corpus(path, output, sha256=sha256)
    assert (built.clips, built.repeated_rows, built.dialogues) == (9, 1, 2)
    assert (output / "copyright").exists() == (form == "deb")
    assert "MODIFIED" in (output / "NOTICE").read_text()
    source = GameVoiceSource("game_voice", GameVoiceSettings(kind="game_voice"))
    (shard,) = source.shards([str(output)])
    records = list(source.read(shard))
    utterances = [record for record in records if isinstance(record, Utterance)]
    assert len(records) == 9
    assert len(utterances) == 8  # all but the sigh
    assert (utterances[1].id, utterances[1].character) == ("050001J1", "JOE")
    assert Path(utterances[1].audio_uri).read_bytes() == CLIP
    with pytest.raises(UsageError, match="SHA-256"):
        build_corpus(path, None)


def run_fetch(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.fetch", "--source", "game_voice", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_fetch_says_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "queen.1c").write_bytes(tiny())
    for path in ("nowhere", "queen.1c"):
        done = run_fetch("--input", str(tmp_path / path), "--output", str(tmp_path / "out"))
        assert done.returncode == 2
        assert done.stderr.strip().splitlines()[-1].startswith(f"error: {tmp_path}")
    assert run_fetch("--output").returncode == 2
    assert not (tmp_path / "out").exists()


# The real game. AMAZON_QUEEN names the package, its unpacked folder or queen.1c.

GAME = Path(os.environ.get("AMAZON_QUEEN") or INSTALLED)
needs_game = pytest.mark.skipif(
    not GAME.exists(), reason=f"the game's data is not at {GAME}; set AMAZON_QUEEN to its package"
)
TEN = """
020006J1|JOE|At least I don't look like I need to wear one.|AND1.DOG|5956|2.98
510001P1|SPARKY|Could be better Joe.|SPARKY1.DOG|3239|1.62
51SSSSJ1|JOE|How are things, Sparky?|SPARKY1.DOG|3344|1.67
51XXXXP1|SPARKY|I'm afraid not Joe.|SPARKY1.DOG|3135|1.57
180001P1|FAYE|What do you want now, Joe?|FAYE2.DOG|4075|2.04
590001P3|WITCH|What do you want?|WITCH1.DOG|3971|1.99
370001P2|NAOMI|Can I help you?|NAOMI.DOG|2508|1.25
280001P3|KLUNK|Ah yes, I was briefed about you.|KLUNK1.DOG|6269|3.13
110001P3|CHIEF|I am the chief of this pygmy village.|CHIEF1.DOG|7001|3.50
390001P1|ORACLE|Before you may proceed, you must answer this riddle.|ORACLE1.DOG|7628|3.81
"""


@needs_game
def test_the_real_game_has_the_numbers_that_were_counted() -> None:
    found = list_lines(GAME)
    rows = [*found.lines, *found.repeats]
    assert found.dialogues == 73
    assert (len(rows), len(found.lines)) == (3986, 3983)
    assert found.sections == Counter(table=3758, opening=87, second_visit=141)
    assert len({line.character for line in rows}) == 30
    assert Counter(line.character for line in rows).most_common(10) == [
        ("JOE", 1367),
        ("BOB", 217),
        ("SPARKY", 197),
        ("TAM", 157),
        ("JIM", 151),
        ("WITCH", 144),
        ("FAYE", 134),
        ("DEATH", 131),
        ("SEC", 124),
        ("CHIEF", 118),
    ]
    assert {line.dialogue for line in found.repeats} == {"LARIS.DOG"}
    by_clip = {line.clip: line for line in found.lines}
    assert "570020P3.SB" not in by_clip
    for expected in TEN.split("\n")[1:-1]:
        clip, character, text, name, size, _ = expected.split("|")
        line = by_clip[f"{clip}.SB"]
        assert (line.character, line.text, line.dialogue) == (character, text, name)
        assert line.size == int(size)


@needs_game
def test_the_real_game_as_a_corpus(tmp_path: Path) -> None:
    build_corpus(GAME, tmp_path)
    source = GameVoiceSource("game_voice", GameVoiceSettings(kind="game_voice"))
    records = list(source.read(source.shards([str(tmp_path)])[0]))
    utterances = {r.id: r for r in records if isinstance(r, Utterance)}
    rejected = Counter(r.reason.value for r in records if not isinstance(r, Utterance))
    assert (len(utterances), rejected) == (3975, Counter(text_empty=8))  # 8 are only a sound
    assert sum(u.duration for u in utterances.values()) / 3600 == pytest.approx(2.86, abs=0.01)
    for expected in TEN.split("\n")[1:-1]:
        clip, *_, duration = expected.split("|")
        assert utterances[clip].duration == pytest.approx(float(duration), abs=0.006)


@needs_game
def test_the_shipped_excerpt_is_what_the_builder_chooses() -> None:
    shipped = Path(__file__).parents[3] / "samples" / "game_voice" / "result.json"
    entries = json.loads(shipped.read_text(encoding="utf-8"))
    chosen = choose_excerpt(list_lines(GAME).lines)
    assert [entry["guid"] + ".SB" for entry in entries.values()] == [line.clip for line in chosen]
