"""What a site asks of in-process plants that they do not have, found before anything runs.

A plant says its points. A name that it does not know would be a point that never has a value, and a
command that is refused in each cycle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime

from bms.config.reading.files import LINKS
from bms.config.reading.sections import read_all
from bms.config.shapes.links import PlantLink
from bms.config.site import Link, Site
from bms.core.errors import BmsError, InvalidInput
from bms.field.plants import make_plant, options_for
from bms.texts.messages import Message, message_of, msg
from bms.texts.problems import Document, Problem, counted, nearest, suggestion
from drivers.plant import Plant
from drivers.points import PlantAddress, Point


def plant_problems(
    site: Site, now: datetime, links: Collection[str] | None = None
) -> list[Problem]:
    """Everything that the plants of a site's `links` lack, of all without; each problem withholds
    its point or its link."""
    documents = _documents(site)
    found: list[Problem] = []
    for link in site.links.values():
        settings = link.settings
        if not isinstance(settings, PlantLink) or (links is not None and link.id not in links):
            continue
        try:
            with closing(make_plant(settings.plant, now, options_for(site, settings))) as plant:
                found += _lacking(link, plant, documents)
        except BmsError as error:
            path = ("links", link.id, "plant")
            place = documents[LINKS].problem(path, message_of(error), withholds=link.id)
            found.append(place)
    return sorted(found)


def with_plant_problems(site: Site, now: datetime) -> Site:
    """The site with what its plants lack among its unmet demands: it runs, and says so."""
    problems = plant_problems(site, now)
    return replace(site, unmet=tuple(sorted({*site.unmet, *problems}))) if problems else site


def plant_problems_again(running: Site, site: Site, now: datetime) -> list[Problem]:
    """What the plants of another version of a running site lack. A plant whose link stays as it is
    runs, and is not made a second time: what it lacked it lacks still."""
    there = {
        name: (link.settings, link.points)
        for name, link in running.links.items()
        if isinstance(link.settings, PlantLink)
    }
    kept = {n for n, link in site.links.items() if there.get(n) == (link.settings, link.points)}
    named = {point.id for name in kept for point in site.links[name].points} | kept
    old = [problem for problem in running.unmet if problem.withholds in named]
    return sorted({*old, *plant_problems(site, now, site.links.keys() - kept)})


def require_points(site: Site, plant: Plant) -> None:
    """Raise InvalidInput if `plant` lacks a point of the site: nobody would notice in a study."""
    documents = _documents(site)
    found = sorted(
        problem
        for link in site.links.values()
        for problem in _lacking(link, plant, documents, named=isinstance(link.settings, PlantLink))
    )
    if found:
        raise InvalidInput(msg("the plant has {count}", count=counted(found)), found)


def _documents(site: Site) -> Mapping[str, Document]:
    texts = {n: text for n, text in site.texts.items() if n == LINKS or n.startswith("devices/")}
    documents = {document.file: document for document in read_all(texts)[0]}
    return {LINKS: Document(LINKS, {}), **documents}


def _lacking(
    link: Link, plant: Plant, documents: Mapping[str, Document], *, named: bool = True
) -> list[Problem]:
    """One problem for each line of a device file: it may stand for many machines."""
    known = {point.name: point.writable for point in plant.points()}
    first: dict[tuple[str, int, int], Problem] = {}
    more: dict[tuple[str, int, int], int] = {}
    for point in link.points:
        name = point.address.name if isinstance(point.address, PlantAddress) else point.id
        if name not in known:
            problem = _at(point, link, documents, _no_point(name), _near(name, known))
        elif point.writable and not known[name] and named:
            message = msg("the plant's point {name} cannot be written", name=name)
            problem = _at(point, link, documents, message, msg("remove writable"))
        else:
            continue
        place = (problem.file, problem.line, problem.column)
        more[place] = more.get(place, -1) + 1
        first.setdefault(place, problem)
    return [_with_others(problem, more[place]) for place, problem in first.items()]


def _no_point(name: str) -> Message:
    return msg("the plant has no point {name}", name=name)


def _near(name: str, known: Mapping[str, object]) -> str:
    """The nearest names; those of the same machine say more than the first of the alphabet."""
    near = nearest(name, known)
    machine = name.rpartition(".")[0]
    own = [other for other in known if other.rpartition(".")[0] == machine] if machine else []
    return suggestion(name, own or near or known)


def _at(
    point: Point, link: Link, documents: Mapping[str, Document], message: Message, hint: str
) -> Problem:
    """At the line of the device file that names the point, else at the link."""
    base, equipment, role = _parts(point.id)
    name = point.address.name if isinstance(point.address, PlantAddress) else point.id
    for document in documents.values():
        points = document.data.get("points") if isinstance(document.data, dict) else None
        template = points.get(role) if isinstance(points, dict) else None
        written = template.get("name") if isinstance(template, dict) else None
        filled = str(written).replace("{equipment}", equipment).replace("{base}", base)
        if written is not None and filled == name:
            path = ("points", role, "name")
            return document.problem(path, message, hint, withholds=point.id)
    return documents[LINKS].problem(("links", link.id), message, hint, withholds=point.id)


def _with_others(problem: Problem, more: int) -> Problem:
    if not more:
        return problem
    message = msg("{problem}, nor {count} others like it", problem=problem.message, count=more)
    return replace(problem, message=message)


def _parts(point: str) -> Sequence[str]:
    device, _, role = point.rpartition(".")
    base, _, equipment = device.partition(".")
    return base, equipment, role
