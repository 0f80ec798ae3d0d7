from __future__ import annotations

from collections import Counter

import pytest

from pipelines.stages.scenes import cut_scenes
from pipelines.stages.table1 import (
    HEADER,
    CorpusCounts,
    count_scenes,
    count_sentences,
    format_table1,
    table1_row,
    turn_histogram,
)
from tests.pipelines.stages.drama import EPISODES, drama_sentences, scene, sentence

# MCLP Table 1. Speakers are not given as a count; the average says 1.74 and 2.33.
PAPER = [
    ("WenetSpeech", 83_503, 12_541.61, 17_894_974, None, None),
    ("YouTube Drama", 17_253, 5_343.24, 8_306_291, None, None),
    ("YouTube Drama (video avail.)", 8_556, 2_709.98, 4_178_049, None, None),
    ("Scene & Character annotated", 8_278, 2_288.79, 3_581_488, 598_701, 1_041_740),
    ("Filtered", 8_237, 1_435.29, 2_276_602, 311_938, 726_816),
]


def test_the_papers_own_rows_come_out_of_its_counts() -> None:
    rows = [
        table1_row(
            stage,
            CorpusCounts(
                audios=audios,
                microseconds=round(hours * 3.6e9),
                sentences=sentences,
                scenes=scenes,
                scene_speakers=speakers,
            ),
        )
        for stage, audios, hours, sentences, scenes, speakers in PAPER
    ]
    assert len(HEADER) == 8
    assert ["\t".join(cells) for cells in format_table1(rows)] == [
        "WenetSpeech\t83,503\t12,541.61\t17,894,974\t-\t-\t-\t-",
        "YouTube Drama\t17,253\t5,343.24\t8,306,291\t-\t-\t-\t-",
        "YouTube Drama (video avail.)\t8,556\t2,709.98\t4,178,049\t-\t-\t-\t-",
        "Scene & Character annotated\t8,278\t2,288.79\t3,581,488\t598,701\t72.32\t5.98\t1.74",
        "Filtered\t8,237\t1,435.29\t2,276,602\t311,938\t37.87\t7.30\t2.33",
    ]


def test_the_two_episodes() -> None:
    total = count_scenes([])
    before = CorpusCounts()
    for aid in EPISODES:
        total += count_scenes(cut_scenes(aid, drama_sentences(aid)))
        before += count_sentences(drama_sentences(aid))
    assert (total.audios, total.sentences, total.scenes) == (2, 51, 10)
    assert (before.audios, before.sentences, before.scenes) == (2, 51, None)
    assert total.microseconds == before.microseconds
    assert total.scene_speakers == 0  # nobody was assigned yet
    assert table1_row("x", total).sentences_per_scene == 5.1
    assert turn_histogram(total)[1:3] == [(2, 1), (3, 2)]
    assert sum(scenes for _, scenes in turn_histogram(total)) == 10


def test_speakers_are_counted_once_a_scene_and_nobody_is_no_speaker() -> None:
    lines = tuple(sentence(i, i + 1, speaker=who) for i, who in enumerate(["A", "B", "A", None]))
    assert count_scenes([scene("s", "e", 4, sentences=lines)]).scene_speakers == 2


def test_averages_round_half_up() -> None:
    # 1 / 200 = 0.005 and 201 / 200 = 1.005, which floats and half-even both round down.
    assert table1_row("x", CorpusCounts(audios=200, scenes=1)).scenes_per_audio == 0.01
    assert table1_row("x", CorpusCounts(audios=200, scenes=201)).scenes_per_audio == 1.01


def test_nothing_left_has_no_averages() -> None:
    row = table1_row("x", count_scenes([]))
    assert (row.hours, row.scenes, row.scenes_per_audio, row.sentences_per_scene) == (
        0.0,
        0,
        None,
        None,
    )


def test_counts_add_up_in_any_order_and_none_stays_none() -> None:
    one = CorpusCounts(audios=1, scenes=2, scene_speakers=3, turns=Counter({4: 2}))
    other = CorpusCounts(audios=2, scenes=1, scene_speakers=1, turns=Counter({4: 1}))
    assert one + other == other + one
    assert (one + other).turns == {4: 3}
    assert (one + CorpusCounts(audios=1)).scenes is None


def test_scenes_of_two_recordings_are_not_counted_as_one() -> None:
    with pytest.raises(ValueError, match="more than one recording"):
        count_scenes([scene("a", "one", 2), scene("b", "two", 2)])


def test_histogram_limits() -> None:
    assert turn_histogram(CorpusCounts()) == []
    with pytest.raises(ValueError, match="1 or more"):
        turn_histogram(CorpusCounts(), last=0)
