"""Small corpora for the fault tests, and every command that is to survive on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from schemas import Episode
from tests.e2e.annotation_server import AnnotationServer, annotation_server
from tests.e2e.test_drama import drama_workplace
from tests.e2e.workplace import KEY, ROOT, Workplace, contents
from tests.faults.corpus import RATE, encoded
from tests.faults.forking import Ended, Forker
from tests.pipelines.media_files import noise
from tests.pipelines.scene_corpus import made_up_recording, write_vocals
from tests.pipelines.scene_corpus import write_stage as write_scenes
from tests.pipelines.stages.drama import episode, sentence
from tests.pipelines.stages.drama_scenes import both_episodes, save_annotated
from tests.pipelines.stages.fetched import save_fetched
from tests.pipelines.test_compose_command import cut, spoken, write_stage


@dataclass(frozen=True)
class Step:
    """One command of a chain, and the folder it fills."""

    name: str
    module: str
    arguments: tuple[str, ...]
    folder: Path  # --output, or what params.yaml implies
    beside: Path | None = None  # what it fills as well: downloads, or the store of its results


# Shorter than the sample's episodes; scenes with vocals, and enough.
_OTHER_INPUT = {"separate": "short/fetch", "select": "made_up/caption"}


class Lab:
    """Runs steps in forks; the chat server's counts tell what was paid for."""

    def __init__(self, workplace: Workplace, forker: Forker, server: AnnotationServer) -> None:
        self.workplace, self.server = workplace, server
        self.touches: dict[str, int] = {}  # of the undisturbed run of each step
        self._forker = forker

    def run(
        self, step: Step, output: Path, *more: str, watch: Path | None = None, kill_at: int = 0
    ) -> Ended:
        """The step with another output folder; it dies at touch ``kill_at`` below ``watch``."""
        arguments = [*step.arguments, "--output", str(output), *more]
        environment: Mapping[str, str] = {"CHAT_API_KEY": KEY}
        return self._forker.run(
            step.module, arguments, watch or output, kill_at=kill_at, environment=environment
        )


def steps(workplace: Workplace) -> list[Step]:
    """Every stage in order, each on what the one before left in ``workplace.data``."""
    params = ["--params", str(workplace.params_file)]
    data, made = workplace.data, []
    for source, verbs in (
        ("emilia", ("ingest", "annotate", "select", "emit")),
        ("wenetspeech", ("ingest", "fetch", "separate", "diarize")),
        ("wenetspeech", ("cut_scenes", "caption", "select", "emit")),
    ):
        for verb in verbs:
            arguments = (*params, "--source", source)
            if verb in _OTHER_INPUT and source == "wenetspeech":
                arguments = (*arguments, "--input", str(data / _OTHER_INPUT[verb]))
            beside = {"fetch": data / source / "media"}
            results = workplace.folder / "results" / source
            beside |= {verb: results / verb for verb in ("separate", "diarize")}
            name, folder = f"{source}-{verb}", data / source / verb
            made.append(Step(name, f"pipelines.{verb}", arguments, folder, beside.get(verb)))
    s1 = (*params, "--set", "s1")
    made.append(Step("s1-compose", "pipelines.compose", s1, data / "s1" / "compose"))
    emitted = ("--input", str(data / "emilia" / "emit"))
    made.append(Step("emilia-export", "manifests.export", emitted, data / "emilia" / "export"))
    return made


@contextmanager
def lab(folder: Path, chosen: Sequence[str] | None = None) -> Iterator[Lab]:
    """A workplace where the chosen steps (all, if None) are done, undisturbed."""
    thread, server = annotation_server()
    with Forker() as forker, thread:
        workplace = drama_workplace(folder / "work", thread.base_url)
        save_annotated(workplace.data / "wenetspeech" / "annotate", both_episodes())
        known = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["sources"]
        workplace.change({"sources.esd": known["esd"]})
        recordings = [made_up_recording(n, folder / "vocals") for n in range(12)]
        write_vocals(recordings)
        write_scenes(workplace.data / "made_up" / "caption", [recordings[:6], recordings[6:]])
        save_fetched(workplace.data / "short" / "fetch", list(_short(folder)))
        write_stage(workplace.data / "esd" / "annotate", cut(spoken("esd", 2, 3), 25))
        found = Lab(workplace, forker, server)
        for step in steps(workplace):
            if chosen is None or step.name in chosen:
                ended = found.run(step, step.folder, watch=folder)
                assert (ended.status, said(step, ended)) == (0, []), (step.name, ended)
                found.touches[step.name] = ended.touches
        yield found


def _short(folder: Path) -> Iterator[Episode]:
    """Two episodes of a second, a sentence each half."""
    for number in range(2):
        name, path = f"short{number}", folder / f"short{number}.wav"
        path.write_bytes(encoded(noise(1.0, RATE, seed=number)))
        told = tuple(sentence(n / 2, n / 2 + 0.5, id=f"{name}-{n}") for n in range(2))
        yield episode(name, video_uri=str(path), duration=1.0, sentences=told)


def said(step: Step, ended: Ended) -> list[str]:
    """The lines of the error stream that tell no progress, which slow machines show."""
    progress = f"{step.module.rpartition('.')[2]}: "
    return [line for line in ended.err.splitlines() if not line.startswith(progress)]


def temporary(folder: Path) -> list[str]:
    """Files of a folder that a writer had not finished."""
    return sorted(name for name in contents(folder) if name.endswith(".tmp"))
