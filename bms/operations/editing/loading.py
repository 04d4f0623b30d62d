"""A site as it can run or be read today: from its files, or from what was last good of them.

Everything here reads the disk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from bms.config.load import check
from bms.config.site import Site, StrategySpec
from bms.core.errors import InvalidInput, StoreError
from bms.operations.editing.last_good import GoodFiles, LastGood
from bms.operations.editing.removed import held_back
from bms.operations.editing.revisions import Revisions
from bms.operations.editing.site_files import differing
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem, counted

SCHEDULES = "schedules"


def load_to_run(
    directory: Path, strategies: Mapping[str, StrategySpec]
) -> tuple[Site, list[Problem]]:
    """The site, with what was last in force of it where the files on the disk are broken.

    The problems are those of the files on the disk that are not in force. Schedules alone are
    replaced if only they are broken. A schedule file that is gone stays in force until its removal
    is confirmed. Raises InvalidInput where nothing was ever in force.
    """
    site, problems = check(directory, strategies)
    if site is not None:
        return with_removed(site, strategies)
    problems = fatal(problems)
    if all(problem.file.startswith(f"{SCHEDULES}/") for problem in problems):
        found = with_good_schedules(directory, strategies)
        if found is not None:
            return found, problems
    good = _good(directory)
    if good is not None:
        site, _ = check(directory, strategies, files=good.texts)
        if site is not None:
            return site, problems
    raise _refused(directory, problems)


def load_to_read(
    directory: Path, strategies: Mapping[str, StrategySpec], without: Collection[str] = ()
) -> tuple[Site, Message | None]:
    """The site for whoever reads, and what is said if it is not as its files are.

    `without` are the files and folders that do not concern who reads. Raises InvalidInput if the
    site cannot be made of the others, and the controller never ran it.
    """
    site, problems = check(directory, strategies)
    if site is not None:
        return site, None
    problems = fatal(problems)
    first = problems[0].sentence
    if all(problem.file.startswith(f"{SCHEDULES}/") for problem in problems):
        site = with_good_schedules(directory, strategies)
        if site is not None:
            text = msg("read with the schedules that were last in force: {problem}", problem=first)
            return site, text
    if without:
        site, _ = check(directory, strategies, without=without)
        if site is not None:
            return site, msg("read without what is wrong: {problem}", problem=first)
    good = _good(directory)
    if good is not None:
        site, _ = check(directory, strategies, files=good.texts)
        if site is not None:
            return site, msg(
                "read with the files that the controller runs since {since:%Y-%m-%d %H:%M}Z: "
                "{problem}",
                since=good.since,
                problem=first,
            )
    raise _refused(directory, problems)


def what_runs(directory: Path, texts: Mapping[str, str]) -> Message | None:
    """What the controller runs, if that is not what these files say; None if it never ran."""
    good = _good(directory)
    changed = differing(good.texts, texts) if good is not None else ()
    if good is None or not changed:
        return None
    return msg(
        "the controller runs the files of {since:%Y-%m-%d %H:%M}Z; since then changed: {files}",
        since=good.since,
        files=", ".join(changed),
    )


def schedules_of(texts: Mapping[str, str]) -> dict[str, str]:
    """The schedule files among the files of a site."""
    return {name: text for name, text in texts.items() if name.startswith(f"{SCHEDULES}/")}


def fatal(problems: Collection[Problem]) -> list[Problem]:
    """Those with which a site cannot run."""
    return [problem for problem in problems if not problem.withholds]


def with_removed(site: Site, strategies: Mapping[str, StrategySpec]) -> tuple[Site, list[Problem]]:
    """The site with the schedule files that are gone without anybody having confirmed it."""
    texts = schedules_of(site.texts)
    held = held_back(Revisions(site.directory, site.state_dir), site, texts, site.library)
    if not held:
        return site, []
    found, problems = check(site.directory, strategies, schedules={**texts, **held})
    if found is not None:
        return found, []
    good = with_good_schedules(site.directory, strategies)
    return (good, fatal(problems)) if good is not None else (site, [])


def with_good_schedules(directory: Path, strategies: Mapping[str, StrategySpec]) -> Site | None:
    """The site with the schedules that were last in force; None where that makes none."""
    with suppress(StoreError):
        good = Revisions(directory, LastGood.of(directory).state_dir).good()
        if good is not None:
            texts = {name: data.decode("utf-8-sig") for name, data in good.items()}
            return check(directory, strategies, schedules=texts)[0]
    return None


def _good(directory: Path) -> GoodFiles | None:
    with suppress(StoreError):
        return LastGood.of(directory).read()
    return None


def _refused(directory: Path, problems: list[Problem]) -> InvalidInput:
    count = counted(problems)
    return InvalidInput(
        msg("the site '{directory}' has {count}", directory=directory, count=count), problems
    )
