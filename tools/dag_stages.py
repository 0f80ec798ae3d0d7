"""The stages of dvc.yaml as a graph: what comes before what, and where its lines run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

_CHAT, _MODELS = "pipelines/chat", "pipelines/backends"


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml, or all of its ``foreach`` where they count as one."""

    name: str
    asks: str  # "chat model", "model", or ""
    parents: tuple[str, ...]  # names of what it reads, in the order of dvc.yaml


def read_stages(root: Path, names: Collection[str]) -> list[Stage]:
    """The stages as DVC itself reads them, those before others first.

    Args:
        root: the repository.
        names: what counts as one stage: ``select`` with all of its sources, or
            ``train_rp_tts@rp_tts_sft`` alone.

    Raises:
        ValueError: a stage of dvc.yaml is not in ``names``, or the other way round.
    """
    # DVC's index files; its default is a folder outside the repository. Read at its import.
    os.environ.setdefault("DVC_SITE_CACHE_DIR", str(root / ".dvc" / "tmp" / "site"))
    from dvc.repo import Repo

    made_by: dict[PurePath, str] = {}
    read_by: dict[str, list[PurePath]] = {}
    for stage in Repo(str(root)).index.stages:
        group = stage.addressing.partition("@")[0]
        name = stage.addressing if stage.addressing in names else group
        read_by.setdefault(name, []).extend(PurePath(str(path)) for path in stage.deps)
        made_by |= {PurePath(str(path)): name for path in stage.outs}
    if unknown := read_by.keys() ^ set(names):
        raise ValueError(f"in dvc.yaml or in tools/dag_notes.yaml, not in both: {sorted(unknown)}")
    found = {}
    for name, paths in read_by.items():
        makers = (made_by.get(part) for path in paths for part in (path, *path.parents))
        parents = dict.fromkeys(maker for maker in makers if maker not in (None, name))
        found[name] = Stage(name, _asked(paths), tuple(str(parent) for parent in parents))
    return _in_order(found)


def _asked(paths: Sequence[PurePath]) -> str:
    if any(str(path.parent) == _MODELS for path in paths):
        return "model"
    return "chat model" if PurePath(_CHAT) in paths else ""


def _in_order(stages: Mapping[str, Stage]) -> list[Stage]:
    done: dict[str, Stage] = {}
    while len(done) < len(stages):
        left = (stage for name, stage in stages.items() if name not in done)
        ready = next(stage for stage in left if done.keys() >= set(stage.parents))
        done[ready.name] = ready
    return list(done.values())


def only(stages: Sequence[Stage], names: Collection[str]) -> list[Stage]:
    """Some of the stages, without lines that other lines between them say already.

    >>> a, b = Stage("a", "", ()), Stage("b", "", ("a",))
    >>> [stage.parents for stage in only([a, b, Stage("c", "", ("a", "b"))], {"a", "b", "c"})]
    [(), ('a',), ('b',)]
    """
    before: dict[str, set[str]] = {}
    kept = []
    for stage in stages:
        if stage.name not in names:
            continue
        parents = [parent for parent in stage.parents if parent in names]
        far = set().union(*(before[parent] for parent in parents))
        before[stage.name] = far | set(parents)
        near = tuple(parent for parent in parents if parent not in far)
        kept.append(dataclasses.replace(stage, parents=near))
    return kept


def lanes_of(stages: Sequence[Stage]) -> dict[str, int]:
    """The lane of each stage, one a row: no line runs through a stage that it does not concern.

    A stage holds its lane until the last of those that read it, which goes on in it.

    >>> a, b = Stage("a", "", ()), Stage("b", "", ("a",))
    >>> lanes_of([a, b, Stage("c", "", ("a",)), Stage("d", "", ("b", "c"))])
    {'a': 0, 'b': 1, 'c': 0, 'd': 1}
    """
    last = {parent: stage.name for stage in stages for parent in stage.parents}
    lanes: dict[str, int] = {}
    held: dict[int, str] = {}
    for stage in stages:
        ending = [parent for parent in stage.parents if last[parent] == stage.name]
        free = (lane for lane in range(len(stages)) if lane not in held)
        lane = lanes[ending[0]] if ending else next(free)
        for parent in ending:
            del held[lanes[parent]]
        lanes[stage.name] = lane
        if stage.name in last:
            held[lane] = stage.name
    return lanes
