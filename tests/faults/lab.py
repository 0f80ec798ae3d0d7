"""Small corpora for the fault tests, and every command that is to survive on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.e2e.annotation_server import AnnotationServer, annotation_server
from tests.e2e.test_drama import drama_workplace
from tests.e2e.workplace import KEY, ROOT, Workplace, contents
from tests.faults.forking import Ended, Forker
from tests.pipelines.scene_corpus import made_up_recording, write_vocals
from tests.pipelines.scene_corpus import write_stage as write_scenes
from tests.pipelines.stages.drama_scenes import both_episodes, save_annotated
from tests.pipelines.test_compose_command import cut, spoken, write_stage


@dataclass(frozen=True)
class Step:
    """One command of a chain, and the folder it fills."""

    name: str
    module: str
    arguments: tuple[str, ...]
    folder: Path  # --output, or what params.yaml implies


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
        ("wenetspeech", ("cut_scenes", "caption", "select", "emit")),
    ):
        for verb in verbs:
            arguments = (*params, "--source", source)
            if (source, verb) == ("wenetspeech", "select"):  # scenes with vocals, and enough
                arguments = (*arguments, "--input", str(data / "made_up" / "caption"))
            folder = data / source / verb
            made.append(Step(f"{source}-{verb}", f"pipelines.{verb}", arguments, folder))
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
        write_stage(workplace.data / "esd" / "annotate", cut(spoken("esd", 2, 3), 25))
        found = Lab(workplace, forker, server)
        for step in steps(workplace):
            if chosen is None or step.name in chosen:
                ended = found.run(step, step.folder, watch=folder)
                assert (ended.status, ended.err) == (0, ""), (step.name, ended)
                found.touches[step.name] = ended.touches
        yield found


def temporary(folder: Path) -> list[str]:
    """Files of a folder that a writer had not finished."""
    return sorted(name for name in contents(folder) if name.endswith(".tmp"))
