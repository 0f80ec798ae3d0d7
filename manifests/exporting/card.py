"""The dataset card: README.md with the YAML header that the hub and `datasets` read."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from importlib import resources
from typing import Any

import jinja2
import yaml

from manifests.exporting.job import Input, Tally
from manifests.storage import Storage
from schemas import StageFacts

# As the hub spells them; what it does not know is `other`.
_HUB_LICENCES = frozenset(
    ("apache-2.0", "mit", "cc0-1.0", "odc-by")
    + tuple(f"cc-by-{kind}" for kind in ("2.0", "3.0", "4.0", "sa-3.0", "sa-4.0", "nd-4.0"))
    + tuple(f"cc-by-{kind}" for kind in ("nc-2.0", "nc-3.0", "nc-4.0", "nc-sa-4.0", "nc-nd-4.0"))
)
_STAGES = (  # in the order of the pipelines
    *("ingest", "fetch", "separate", "diarize", "annotate", "compose", "cut_scenes", "caption"),
    *("select", "emit"),
)
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(inputs: Sequence[Input], tally: Tally, name: str, form: str, storage: Storage) -> str:
    """The text of the card.

    Args:
        inputs: what was exported; the facts of earlier stages are looked for beside them.
        tally: what was written.
        name: of the data set.
        form: `parquet` or `webdataset`.
        storage: where the inputs lie.
    """
    template = (resources.files("manifests.exporting") / "card.md.j2").read_text(encoding="utf-8")
    # Markdown, not HTML: what could break a table is taken out by `cell`.
    environment = jinja2.Environment(
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["cell"] = _cell
    return environment.from_string(template).render(
        header=yaml.safe_dump(_header(tally, name, form), sort_keys=False, allow_unicode=True),
        name=name,
        form=form,
        scenes=inputs[0].scenes,
        tally=tally,
        funnels=[(one.facts.source, _funnel(one, storage)) for one in inputs],
    )


def _header(tally: Tally, name: str, form: str) -> dict[str, Any]:
    licences = sorted({origin.licence for origin in tally.rows_of})
    hub = sorted({_hub_licence(one) for one in licences})
    suffix = "parquet" if form == "parquet" else "tar"
    total = tally.rows.total()
    splits = [{"split": one, "path": f"data/{one}/*.{suffix}"} for one in sorted(tally.rows)]
    return {
        "pretty_name": name,
        "language": sorted({origin.language for origin in tally.rows_of} - {"unknown"}),
        "license": hub[0] if len(hub) == 1 else hub,
        "task_categories": ["text-to-speech"],
        "size_categories": [next((size for most, size in _SIZES if total < most), "n>1M")],
        "configs": [{"config_name": "default", "data_files": splits}],
    }


def _hub_licence(licence: str) -> str:
    lower = licence.lower()
    return lower if lower in _HUB_LICENCES else "other"


def _funnel(one: Input, storage: Storage) -> list[StageFacts]:
    """The facts of the source's stages, as far as they lie beside the emitted folder."""
    above = posixpath.dirname(one.folder)
    found = []
    for stage in _STAGES:
        path = posixpath.join(above, stage, "stage.json")
        if stage == "emit":
            found.append(one.facts)
        elif storage.list_files(path):
            with storage.open_read(path) as stream:
                found.append(StageFacts.from_json(stream.read().decode()))
    return found


def _cell(text: object) -> str:
    r"""Text for a cell of a Markdown table.

    >>> _cell("a|b\nc")
    'a\\|b c'
    """
    return (
        " ".join(str(text).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    )
