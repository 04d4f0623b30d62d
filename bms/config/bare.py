"""A site that is no more than its links: one explores devices before one models them."""

from __future__ import annotations

from pathlib import Path

from bms.config.load import owner_of, read_links, read_site_file
from bms.config.reading.files import LINKS, SITE, read_site
from bms.config.shapes.models import SiteFile
from bms.config.site import Link, Site
from bms.core.errors import InvalidInput
from bms.texts.messages import msg
from bms.texts.problems import Problem, counted
from bms.texts.yaml.parsing import read
from schedules.library import Library


def bare_site(directory: Path, *, to_write: bool) -> Site:
    """The links of a site without points, whatever its other files hold or lack.

    Raises InvalidInput with the problems of `links.yaml`; with `to_write` also with those of
    `site.yaml` if there is one, for it says who may write, and whether anything is written.
    """
    found = read_site(directory)
    problems = [p for p in found.problems if p.file in (".", LINKS)]
    links, _ = read_links(found.texts.get(LINKS), problems)
    file, more = _site_file(found.texts.get(SITE), SITE in found.unreadable)
    if to_write:
        problems += more
    if problems:
        count = counted(problems)
        raise InvalidInput(
            msg("the site '{directory}' has {count}", directory=directory, count=count), problems
        )
    return Site(
        directory=directory,
        file=file,
        bases={},
        links={name: Link(name, settings, (), {}) for name, settings in links.items()},
        equipment={},
        groups={},
        library=Library(),
        outputs={},
        defaults={},
        meters={},
        owner=owner_of(directory / file.state_dir, directory),
        texts=found.texts,
    )


def _site_file(text: str | None, unreadable: bool) -> tuple[SiteFile, list[Problem]]:
    """What `site.yaml` says; of one that is not there, the defaults."""
    stand_in = SiteFile.model_construct(id="site", zone="UTC", bases={})
    if text is None:
        wrong = [Problem(SITE, 1, 1, msg("this file cannot be read"))] if unreadable else []
        return stand_in, wrong
    document, problems = read(SITE, text)
    file, _, _ = read_site_file(document, problems)
    return file or stand_in, problems
