from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stages.components import KEY_KINDS, components, fingerprint, normal_series
from pipelines.stages.near_duplicates import SimilarPair
from pipelines.stages.split_certificate import (
    HELD_OUT,
    TRAIN,
    Certificate,
    SplitSettings,
)
from pipelines.stages.split_verify import CertificateViolated, verify
from pipelines.stages.splits import Splits, choose_components, split
from schemas.episode import Episode, Scene, Sentence
from tests.pipelines.stages.drama import episode, scene, sentence
from tests.pipelines.stages.test_near_duplicates import made_up, misread

SMALL = SplitSettings(test_videos=3, scenes_per_length=2, max_turns=4, max_test_share=0.5)


def transcript(text: str) -> tuple[Sentence, ...]:
    return tuple(
        sentence(at, at + 1, text=text[at * 20 : at * 20 + 20]) for at in range(len(text) // 20)
    )


def corpus(count: int = 12) -> tuple[list[Episode], list[Scene]]:
    """Episodes that share nothing, and for each length from 1 to 5 a scene of each."""
    episodes = [
        episode(f"E{number:02d}", sentences=transcript(made_up(number, 400)))
        for number in range(count)
    ]
    scenes = [
        scene(f"{one.id}_scene{turns:04d}", one.id, turns)
        for one in episodes
        for turns in range(1, 6)
    ]
    return episodes, scenes


# Sides.


def test_exactly_so_many_videos_are_held_out_and_the_certificate_holds() -> None:
    episodes, scenes = corpus()
    found = split(episodes, scenes, SMALL)
    assert Counter(found.recordings.values()) == {TRAIN: 9, HELD_OUT: 3}
    assert found.certificate.warnings == ()
    verify(found.certificate, episodes, scenes)


def test_scenes_follow_their_recordings_and_the_undrawn_are_nobodys() -> None:
    episodes, scenes = corpus()
    found = split(episodes, scenes, SMALL)
    for one in scenes:
        side, of = found.scenes[one.id], found.recordings[one.episode_id]
        assert side == of or (side, of) == ("test", HELD_OUT)
    assert Counter(found.scenes.values()) == {TRAIN: 45, "test": 6, HELD_OUT: 9}


@pytest.mark.parametrize(
    "shared",
    [
        {"video_id": "same"},
        {"md5": "SAME"},
        {"series": "《春风小巷》"},
        {"sentences": transcript(misread(made_up(99, 4000), 0.05))},
    ],
)
def test_whatever_shares_something_is_on_one_side(shared: dict[str, object]) -> None:
    episodes, scenes = corpus()
    other = {"video_id": "same", "md5": "same", "series": "春风 小巷"}
    other |= {"sentences": transcript(made_up(99, 4000)[800:3000])}  # type: ignore[dict-item]
    (name,) = shared
    episodes[4] = replace(episodes[4], **shared)  # type: ignore[arg-type]
    episodes[9] = replace(episodes[9], **{name: other[name]})  # type: ignore[arg-type]
    for seed in range(12):
        settings = SMALL.model_copy(update={"seed": seed})
        found = split(episodes, scenes, settings)
        assert found.recordings["E04"] == found.recordings["E09"]
        assert Counter(found.recordings.values())[HELD_OUT] == 3
        assert found.certificate.largest_component == 2
        verify(found.certificate, episodes, scenes)


def test_links_carry_over() -> None:
    prints = [
        fingerprint(episode("A", series="one", md5="x"), 6, 4),
        fingerprint(episode("B", series="two", md5="x"), 6, 4),
        fingerprint(episode("C", series="TWO", video_id="v"), 6, 4),
        fingerprint(episode("D", series="three", video_id="v"), 6, 4),
        fingerprint(episode("E", series=None), 6, 4),
        fingerprint(episode("F", series=None), 6, 4),
    ]
    assert components(prints, []) == [("A", "B", "C", "D"), ("E",), ("F",)]
    assert components(prints, [("F", "A")]) == [("A", "B", "C", "D", "F"), ("E",)]


def test_a_recording_of_unknown_series_is_never_held_out() -> None:
    episodes, scenes = corpus(4)
    episodes[1] = replace(episodes[1], series=None)
    for seed in range(8):
        found = split(episodes, scenes, SMALL.model_copy(update={"seed": seed}))
        assert found.recordings["E01"] == TRAIN
        assert found.certificate.unknown_series == 1


def test_series_names_are_compared_without_width_case_and_signs() -> None:
    names = ["《Ｓｐｒｉｎｇ　Alley》", "spring alley", "SPRING-ALLEY!"]
    assert len({normal_series(name) for name in names}) == 1
    assert normal_series("春風小巷") != normal_series("春风小巷")
    assert normal_series("???") != normal_series("!!!")
    assert normal_series(" ") == ""


def test_what_the_linking_step_passes_over_is_found_across_the_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def finds_nothing(*_: object) -> tuple[list[SimilarPair], int]:
        return [], 0

    monkeypatch.setattr("pipelines.stages.splits.similar_pairs", finds_nothing)
    episodes, scenes = corpus()
    episodes = [
        replace(one, sentences=transcript(made_up(i // 2, 400))) for i, one in enumerate(episodes)
    ]
    found = split(episodes, scenes, SMALL.model_copy(update={"test_videos": 4}))
    assert Counter(found.recordings.values())[HELD_OUT] == 4
    verify(found.certificate, episodes, scenes)


def test_one_series_alone_cannot_be_split_and_is_trained_on() -> None:
    episodes, scenes = corpus(2)
    episodes = [replace(one, series="one") for one in episodes]
    found = split(episodes, scenes, SplitSettings())
    assert set(found.recordings.values()) == {TRAIN}
    assert found.certificate.warnings[0].startswith("0 recordings held out, not 200: the corpus")
    assert found.certificate.warnings[1] == "0 test scenes of 2 turns, not 100"
    verify(found.certificate, episodes, scenes)


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(0, 30), st.integers(0, 3))
def test_components_are_chosen_to_the_target_wherever_that_is_possible(
    sizes: list[int], target: int, seed: int
) -> None:
    groups = [tuple(f"{i}-{n}" for n in range(size)) for i, size in enumerate(sizes)]
    chosen = choose_components(groups, target, seed)
    sums = {sum(some) for n in range(len(sizes) + 1) for some in itertools.combinations(sizes, n)}
    assert sum(map(len, chosen)) == max(one for one in sums if one <= target)
    assert len(set(chosen)) == len(chosen)


# The test set.


def test_sampling_is_exact_where_there_are_enough_and_warns_where_not() -> None:
    episodes, scenes = corpus()
    settings = SMALL.model_copy(update={"scenes_per_length": 3, "max_turns": 6})
    found = split(episodes, scenes, settings)
    table = [(row.turns, row.available, row.chosen) for row in found.certificate.test_table]
    assert table == [(2, 3, 3), (3, 3, 3), (4, 3, 3), (5, 3, 3), (6, 0, 0)]
    assert found.certificate.warnings == ("0 test scenes of 6 turns, not 3",)
    lengths = {one.id: len(one.sentences) for one in scenes}
    assert Counter(lengths[name] for name in found.certificate.test_scenes) == {
        2: 3,
        3: 3,
        4: 3,
        5: 3,
    }


def test_a_hundred_scenes_of_each_length_as_in_the_paper() -> None:
    episodes = [episode(f"E{number:04d}") for number in range(1000)]
    scenes = [
        scene(f"{one.id}_scene{number:04d}", one.id, 1 + (number + int(one.id[1:])) % 12)
        for one in episodes
        for number in range(12)
    ]
    found = split(episodes, scenes)
    assert len(found.certificate.test_scenes) == 900
    assert [row.chosen for row in found.certificate.test_table] == [100] * 9
    assert Counter(found.recordings.values())[HELD_OUT] == 200
    assert found.certificate.warnings == ()
    verify(found.certificate, episodes, scenes)


def test_another_seed_gives_another_split() -> None:
    episodes, scenes = corpus()
    sides = {
        tuple(split(episodes, scenes, SMALL.model_copy(update={"seed": seed})).recordings.items())
        for seed in range(5)
    }
    assert len(sides) > 1


@pytest.mark.parametrize("twice", [True, False])
def test_ids_that_come_twice_or_belong_nowhere_are_errors(twice: bool) -> None:
    episodes, scenes = corpus(2)
    with pytest.raises(ValueError, match="comes twice" if twice else "no recording nowhere"):
        split(episodes, [*scenes, scenes[0] if twice else scene("new", "nowhere", 2)])
    with pytest.raises(ValueError, match="two recordings have one id"):
        split([*episodes, episodes[0]], [])


# Invariants.

names = st.sampled_from(["a", "b", "c", "d", "e", "f"])
corpora = st.lists(
    st.tuples(names, names, st.none() | names, st.integers(0, 6), st.integers(0, 3)), max_size=14
).map(
    lambda rows: [
        episode(
            f"E{number:02d}",
            video_id=f"{video}{number // 3}",
            md5=f"{md5}{number // 4}",
            series=series and f"{series}{number % 4}",
            sentences=transcript(made_up(text, 400)) if text else (),
        )
        for number, (video, md5, series, text, _) in enumerate(rows)
    ]
)


@given(corpora, st.integers(0, 5), st.randoms(use_true_random=False))
def test_nothing_crosses_and_order_does_not_matter(
    episodes: list[Episode], seed: int, chance: random.Random
) -> None:
    settings = SMALL.model_copy(update={"seed": seed})
    scenes = [scene(f"{one.id}_{n}", one.id, n) for one in episodes for n in (1, 2, 3)]
    found = split(episodes, scenes, settings)
    for one, other in itertools.product(episodes, episodes):
        if found.recordings[one.id] == TRAIN and found.recordings[other.id] == HELD_OUT:
            left, right = (fingerprint(each, 6, 4) for each in (one, other))
            assert not any(
                getattr(left, kind) and getattr(left, kind) == getattr(right, kind)
                for kind in KEY_KINDS
            )
            assert not one.sentences or one.sentences != other.sentences
    verify(found.certificate, episodes, scenes)
    chance.shuffle(episodes)
    chance.shuffle(scenes)
    again = split(episodes, scenes, settings)
    assert again.certificate == found.certificate
    assert (again.recordings, again.scenes) == (found.recordings, found.scenes)


# The certificate.


@pytest.fixture
def whole() -> tuple[list[Episode], list[Scene], Splits]:
    episodes, scenes = corpus()
    return episodes, scenes, split(episodes, scenes, SMALL)


def test_the_certificate_is_json_and_reads_back(
    whole: tuple[list[Episode], list[Scene], Splits],
) -> None:
    certificate = whole[2].certificate
    text = certificate.to_json()
    assert json.loads(text)["settings"]["test_videos"] == 3
    assert Certificate.from_json(text) == certificate
    assert Certificate.from_json(text).to_json() == text
    with pytest.raises(ValueError, match="not a certificate: method"):
        Certificate.from_json(text.replace("components-by", "guessed-by"))


def violation(certificate: Certificate, episodes: list[Episode], scenes: list[Scene]) -> str:
    with pytest.raises(CertificateViolated) as error:
        verify(certificate, episodes, scenes)
    return str(error.value)


@pytest.mark.parametrize("kind", ["video_id", "md5", "series"])
def test_a_key_on_both_sides_is_named(
    whole: tuple[list[Episode], list[Scene], Splits], kind: str
) -> None:
    episodes, scenes, found = whole
    inside = next(one for one in episodes if found.recordings[one.id] == HELD_OUT)
    index, outside = next(
        (i, one) for i, one in enumerate(episodes) if found.recordings[one.id] == TRAIN
    )
    episodes[index] = replace(outside, **{kind: getattr(inside, kind)})
    message = violation(found.certificate, episodes, scenes)
    assert message.startswith(f"{kind} ")
    assert f"{outside.id} (train) and {inside.id} (held out)" in message


def test_a_transcript_on_both_sides_is_named(
    whole: tuple[list[Episode], list[Scene], Splits],
) -> None:
    episodes, scenes, found = whole
    inside = next(one for one in episodes if found.recordings[one.id] == HELD_OUT)
    index, outside = next(
        (i, one) for i, one in enumerate(episodes) if found.recordings[one.id] == TRAIN
    )
    episodes[index] = replace(outside, sentences=inside.sentences[3:])
    message = violation(found.certificate, episodes, scenes)
    assert "share 1.000 of the shorter one" in message
    assert inside.id in message and outside.id in message


def test_a_lost_or_added_record_is_noticed(
    whole: tuple[list[Episode], list[Scene], Splits],
) -> None:
    episodes, scenes, found = whole
    certificate = found.certificate
    train = next(one for one in scenes if found.scenes[one.id] == TRAIN)
    without = [one for one in scenes if one is not train]
    assert "train is not what was certified" in violation(certificate, episodes, without)
    renamed = [*without, replace(train, id="other")]
    assert "other scene" in violation(certificate, episodes, renamed)
    added = [*episodes, episode("new", sentences=transcript(made_up(999, 400)))]
    assert "13 recordings" not in violation(certificate, added, scenes)
    assert "10 recordings" in violation(certificate, added, scenes)
    held_out = certificate.held_out[0][0]
    fewer = [one for one in episodes if one.id != held_out]
    assert f"['{held_out}'] is not in the corpus" in violation(certificate, fewer, scenes)
    assert "comes more than once" in violation(certificate, [*episodes, episodes[0]], scenes)
    assert "comes more than once" in violation(certificate, episodes, [*scenes, scenes[0]])
    stray = scene("stray", "nowhere", 2)
    assert "no recording nowhere" in violation(certificate, episodes, [*scenes, stray])


def test_a_test_set_that_is_not_as_stated_is_noticed(
    whole: tuple[list[Episode], list[Scene], Splits],
) -> None:
    episodes, scenes, found = whole
    certificate = found.certificate
    drawn = certificate.test_scenes

    def changed(test_scenes: tuple[str, ...]) -> str:
        return violation(replace(certificate, test_scenes=test_scenes), episodes, scenes)

    assert "1 test scenes of" in changed(drawn[1:])
    assert "more than once" in changed((*drawn[1:], drawn[1]))
    train = next(name for name, side in found.scenes.items() if side == TRAIN)
    assert f"test scene {train} is not held out, but: train" in changed((*drawn[1:], train))
    wrong = (replace(certificate.test_table[0], available=99), *certificate.test_table[1:])
    assert "the table" in violation(replace(certificate, test_table=wrong), episodes, scenes)


def test_other_false_statements_are_noticed(
    whole: tuple[list[Episode], list[Scene], Splits],
) -> None:
    episodes, scenes, found = whole
    certificate = found.certificate
    assert "series unknown" in violation(replace(certificate, unknown_series=1), episodes, scenes)
    pair = SimilarPair("E00", "E01", 0.5)
    message = violation(replace(certificate, near_duplicates=(pair,)), episodes, scenes)
    assert message.startswith("near duplicates E00 and E01")
    many = certificate.settings.model_copy(update={"test_videos": 2})
    assert "3 recordings are held out, the limit is 2" in violation(
        replace(certificate, settings=many), episodes, scenes
    )
    twice = (*certificate.held_out, certificate.held_out[0])
    assert "held out more than once" in violation(
        replace(certificate, held_out=twice), episodes, scenes
    )
