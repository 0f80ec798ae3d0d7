"""Tiny dumps of CREMA-D, RAVDESS, IEMOCAP, MELD, MSP-Podcast, M3ED and EMNS, faults included.

Each function writes one corpus as it is unpacked, into ``folder``, and names its faulty records by
what is wrong with them; the tests say what becomes of each.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.pipelines.sources.labelled.tones import tone, write_mp4, write_wav


def write_crema_d(folder: Path) -> None:
    """Two actors, four good clips; an emotion, a sentence and a name that nobody knows."""
    names = (
        *("1001_DFA_ANG_XX", "1001_IEO_HAP_LO", "1002_TSI_NEU_XX", "1002_WSI_SAD_HI"),
        *("1002_WSI_JOY_XX", "1002_ZZZ_SAD_XX", "notes"),
    )
    for number, name in enumerate(names):
        write_wav(folder / "AudioWAV" / f"{name}.wav", tone(name[:4], name[9:12], number))
    (folder / "AudioMP3").mkdir()
    (folder / "AudioMP3" / "1001_DFA_ANG_XX.mp3").write_bytes(b"the same clip again")
    table = "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n"
    table += "1002,21,Female,Caucasian,Not Hispanic\n"
    (folder / "VideoDemographics.csv").write_text(table, encoding="utf-8")


def write_ravdess(folder: Path) -> None:
    """Two actors, four good clips; a song, a video, and an emotion and a statement too many."""
    good = ("03-01-01-01-01-01-01", "03-01-06-02-02-01-01")
    odd = ("03-02-03-01-01-01-02", "03-01-09-01-01-01-02", "03-01-04-01-03-01-02")
    names = (*good, *(name[:-1] + "2" for name in good), *odd)
    for number, name in enumerate(names):
        clip = folder / f"Actor_{name[-2:]}" / f"{name}.wav"
        write_wav(clip, tone(name[-2:], name[6:8], number))
    sound = tone("02", "sad", 3)
    write_mp4(folder / "Actor_02" / "01-01-04-01-01-01-02.mp4", sound, picture=True)


def write_iemocap(folder: Path) -> None:
    """Two sessions; ``xxx`` and ``oth``, a clip and a transcript that are missing, only noise."""
    for session, dialogue in ((1, "Ses01F_impro01"), (2, "Ses02M_script01_1")):
        home = folder / "IEMOCAP_full_release" / f"Session{session}"
        turns = [  # turn, emotion, words
            (f"{dialogue}_F000", "neu", "Excuse me."),
            (f"{dialogue}_M000", "exc", "[LAUGHTER] I can’t believe it++"),
            (f"{dialogue}_F001", "xxx", "Yeah."),
            (f"{dialogue}_M001", "oth", "No."),
        ]
        if session == 2:
            turns += [
                (f"{dialogue}_F002", "fru", "No clip."),
                (f"{dialogue}_F003", "sad", "[BREATHING]"),
                (f"{dialogue}_F004", "ang", ""),
            ]
        rows = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        spoken = []
        for number, (turn, emotion, words) in enumerate(turns):
            times = f"{6 + 2 * number}.2901 - {8 + 2 * number}.2357"
            rows += [f"[{times}]\t{turn}\t{emotion}\t[2.5000, 2.5000, 2.5000]"]
            rows += ["C-E2:\tNeutral;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", ""]
            if words:
                spoken.append(f"{turn} [{times.replace(' ', '')}]: {words}")
            if words != "No clip.":
                clip = home / "sentences" / "wav" / dialogue / f"{turn}.wav"
                write_wav(clip, tone(f"{session}{turn[-4]}", emotion, number))
        spoken.append("M: [GARBAGE] a note of the transcriber")
        for name, lines in (("EmoEvaluation", rows), ("transcriptions", spoken)):
            path = home / "dialog" / name / f"{dialogue}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes("\n".join(lines).encode("cp1252"))
        single = home / "dialog" / "EmoEvaluation" / "Categorical" / f"{dialogue}_e1_cat.txt"
        single.parent.mkdir()
        single.write_text(f"{dialogue}_F000 :Neutral state; ()\n", encoding="utf-8")


_MELD_HEADER = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,"
    "StartTime,EndTime"
)


def write_meld(folder: Path) -> None:
    """Train as UTF-8 with control characters, dev in windows-1252; media missing and cut."""
    times = '8,21,"00:16:16,059","00:16:21,731"'
    train = [
        f"1,My company\x92s transition\x85,Chandler,neutral,neutral,0,0,{times}",
        f'2,"You must\x92ve had your hands full, no?",The Interviewer,joy,positive,0,1,{times}',
        f"3,That I did.,Chandler,bored,negative,0,2,{times}",
        f"4,No video.,Chandler,sadness,negative,1,0,{times}",
        f"5,Not a video.,Chandler,sadness,negative,1,1,{times}",
        f"6,,Chandler,anger,negative,1,2,{times}",
        f"7,No number.,Chandler,anger,negative,one,2,{times}",
        "8,A row that breaks",
    ]
    dev = [f"1,It’s “that” – really.,Phoebe,surprise,positive,0,0,{times}"]
    tables = (("train", train, "utf-8"), ("dev", dev, "cp1252"))
    for split, rows, encoding in tables:
        content = "\n".join([_MELD_HEADER, *rows]) + "\n"
        path = folder / f"{split}_sent_emo.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(encoding))
    for number, name in enumerate(("dia0_utt0", "dia0_utt1", "dia0_utt2", "dia1_utt2")):
        video = folder / "train_splits" / f"{name}.mp4"
        write_mp4(video, tone("Chandler", "neutral", number), picture=True)
    (folder / "train_splits" / "dia1_utt1.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(500))
    write_wav(folder / "dev_splits_complete" / "dia0_utt0.wav", tone("Phoebe", "surprised", 1))


def write_msp_podcast(folder: Path) -> None:
    """Two good clips, X and O, an unknown speaker, no transcript, no clip, a path outside."""
    name = "MSP-PODCAST_0001_{:04d}"
    rows = [
        "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set",
        f"{name.format(8)}.wav,N,2.0,4.0,3.0,127,Female,Test1",
        f"{name.format(19)}.wav,C,4.0,4.0,3.0,128,Unknown,Train",
        f"{name.format(20)}.wav,X,4.0,4.0,3.0,128,Male,Train",
        f"{name.format(21)}.wav,O,4.0,4.0,3.0,128,Male,Train",
        f"{name.format(22)}.wav,H,4.0,4.0,3.0,Unknown,Male,Train",
        f"{name.format(23)}.wav,S,4.0,4.0,3.0,128,Male,Train",
        f"{name.format(24)}.wav,A,4.0,4.0,3.0,128,Male,Train",
        "../../outside.wav,A,4.0,4.0,3.0,128,Male,Train",
        f"{name.format(8)}.wav,N,2.0,4.0,3.0,127,Female,Test1",
    ]
    (folder / "Labels").mkdir(parents=True)
    (folder / "Transcripts").mkdir()
    (folder / "Labels" / "labels_consensus.csv").write_text("\n".join(rows) + "\n")
    for number in (8, 19, 20, 21, 22, 23):
        write_wav(folder / "Audios" / f"{name.format(number)}.wav", tone("127", "n", number))
    for number in (8, 19, 20, 21, 22, 24):
        text = f"And that’s podcast number {number}."
        path = folder / "Transcripts" / f"{name.format(number)}.txt"
        path.write_bytes(text.encode("cp1252"))


def write_m3ed(folder: Path) -> None:
    """One series, two dialogues; words and numbers as emotions, a dialogue that is a list."""

    def turn(letter: str, text: str, emotion: object) -> dict[str, object]:
        return {"Speaker": letter, "Text": text, "EmoAnnotation": {"final_main_emo": emotion}}

    people = {
        "A": {"Name": "贾小朵", "Gender": "Female", "Age": "young"},
        "B": {"Name": "方圆", "Gender": "Male", "Age": "mid"},
    }
    turns = {
        "baowei_1_1": turn("A", "你怎么来了？", "Surprise"),
        "baowei_1_2": turn("B", "我来看看你。", "1"),
        "baowei_1_3": turn("B", "没什么。", "Bored"),
        "baowei_1_4": turn("A", "没有声音。", "Sad"),
        "baowei_1_5": {"Speaker": "A", "Text": "没有标签。"},
    }
    second = {"baowei_2_1": turn("A", "这是谁？", "Anger")}
    content = {
        "baowei": {
            "baowei_1": {"SpeakerInfo": people, "Dialog": turns},
            "baowei_2": {"Dialog": second},
            "baowei_3": [],
        }
    }
    (folder / "annotation.json").parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (folder / "annotation.json").write_text(text, encoding="utf-8")
    for number, name in enumerate(("A_baowei_1_1", "B_baowei_1_2", "B_baowei_1_3", "baowei_2_1")):
        write_wav(folder / "modality_speech" / f"{name}.wav", tone(name[0], name, number))


def write_emns(folder: Path) -> None:
    """Three good rows, one with a description; a row that waits for its clip, a path outside."""
    names = "id|utterance|description|emotion|date_created|status|gender|age|level"
    end = "2023-01-01|Complete|female|20s|4"
    rows = [
        f"{names}|audio_recording|user_id",
        f"7|She was gone.|Slow and low.|Sad|{end}|wavs/7_recording.webm|3",
        f"8|What a day!||Excited|{end}|wavs/8_recording.webm|3",
        f"9|Oh, great.||Sarcastic|{end}|wavs/9_recording.webm|3",
        "10|Not recorded yet.||Happy|2023-01-01|Needs Updating|female|20s|4||3",
        f"11|Out of here.||Happy|{end}|../../secret.wav|3",
        f"12|Nobody knows.||Sleepy|{end}|wavs/7_recording.webm|3",
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for number in (7, 8, 9):
        clip = folder / "cleaned_webm" / f"{number}_recording.wav"
        write_wav(clip, tone("3", str(number), number))
