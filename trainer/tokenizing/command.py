"""What `trainer.tokenize` does with its arguments; each gives the line that it ends with."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.speech.registry import check_name, kmeans_path, load_tokenizer
from trainer.tokenizing.done import known
from trainer.tokenizing.fitting import fit_on
from trainer.tokenizing.job import jobs_of, write_facts
from trainer.tokenizing.settings import TokenizeSettings
from trainer.tokenizing.shards import tokenize


def fit(
    inputs: Sequence[str], name: str, settings: TokenizeSettings, *, dry_run: bool = False
) -> str:
    """Fits a k-means codec and saves it where its name says."""
    path = kmeans_path(name)
    if dry_run:
        return f"would fit {settings.fit.clusters:,} codes on {', '.join(inputs)} into {path}"
    tokenizer, clusters, frames = fit_on(inputs, settings.fit)
    tokenizer.save(path)
    unused = int((clusters.counts_K == 0).sum())
    return (
        f"{path}: {tokenizer.identity.short}, of {frames:,} frames "
        f"({frames / tokenizer.frame_rate / 3600:.2f} h); its codes account for "
        f"{clusters.explained:.1%} of their variance, {unused} are unused"
    )


def plan(
    folder: str,
    output: str,
    name: str,
    settings: TokenizeSettings,
    keep_audio: bool,
    part: tuple[int, int],
) -> str:
    """What :func:`run` would do; loads no model."""
    check_name(name)
    jobs = jobs_of(folder, output, keep_audio=keep_audio, batch_s=settings.batch_s)
    facts = jobs[0].facts
    shards = [(job.output, s.index) for job in jobs for s in job.shards]
    mine = [(where, index) for where, index in shards if index % part[1] == part[0]]
    there = sum(index in known(where) for where, index in mine)
    return (
        f"would give {folder} codes of {name} in {output}: {len(mine)} of {len(shards)} shards, "
        f"{there} of them have some already; in all {facts.rows_out:,} {facts.unit}s, "
        f"{facts.hours_out:,.2f} h"
    )


def run(
    folder: str,
    output: str,
    name: str,
    settings: TokenizeSettings,
    keep_audio: bool,
    part: tuple[int, int],
) -> str:
    """Encodes what is not finished."""
    jobs = jobs_of(folder, output, keep_audio=keep_audio, batch_s=settings.batch_s)
    unit = jobs[0].facts.unit
    tokenizer = load_tokenizer(name, settings.device, settings.weights)
    new = tokenize(jobs, tokenizer, part)
    whole = write_facts(output, jobs, tokenizer.identity.short)
    lost = ", ".join(f"{count:,} {reason}" for reason, count in sorted(new.rejected.items()))
    return (
        f"{output}: {new.rows_out:,} new {unit}s in codes of {tokenizer.identity.short}, "
        f"{new.counts['frames']:,} frames"
        + (f"; rejected: {lost}" if lost else "")
        + ("" if whole else "; other parts are not finished yet")
    )
