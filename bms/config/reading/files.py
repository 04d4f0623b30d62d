"""What is in a site directory: the texts that are read, and files that nobody would read."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from bms.config.shapes.models import SITE_DIRECTORIES
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem, suggestion
from bms.texts.system_errors import os_cause

SITE = "site.yaml"
LINKS = "links.yaml"
METERS = "meters.yaml"
TARIFFS = "tariffs.yaml"
DRIVERS = "drivers.yaml"
"""What the energy of bases depends on: reports alone read it."""
MEASURES = "measures.yaml"
"""What was done to save energy: reports alone read it."""
ENERGY = "energy.yaml"
"""Fuels, factors and activities: reports alone read it."""
UPLOADS = "uploads.yaml"
"""Platforms that figures are reported to: uploads alone read it."""
READINGS = "readings.yaml"
"""How files of readings are taken: `bms meter import` alone reads it."""
SEASONS = "schedules/seasons.yaml"
OVERLAYS = "schedules/overlays.yaml"
TIME_UNITS = "schedules/time-units.yaml"
CALENDARS = "schedules/calendars"
VARIANTS = "variants"
"""Other files in place of some of the site's own: `variants/<name>/groups/...`."""

_REQUIRED = (SITE, LINKS)
_TOP = (*_REQUIRED, METERS, TARIFFS, ENERGY, DRIVERS, MEASURES, UPLOADS)
_FOLDERS = (*SITE_DIRECTORIES, CALENDARS)
STATE: Final = "state"
"""The state directory of a site that names none."""
STATE_PLACE: Final = ".bms-state"
"""Beside `site.yaml`, for when that cannot be read: where a state directory of another name is."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""No file of a site is nearly as long: one that is has something else in it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of a site: texts by name relative to the site directory, `/` between parts."""

    texts: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreadable: frozenset[str] = frozenset()

    def under(self, folder: str) -> dict[str, str]:
        """The texts below one folder."""
        return {name: text for name, text in self.texts.items() if name.startswith(folder + "/")}

    def with_schedules(self, texts: Mapping[str, str]) -> Sources:
        """The same with other schedule files, whatever the disk has of them."""

        def other(name: str) -> bool:
            return not name.startswith("schedules/")

        return Sources(
            {name: text for name, text in self.texts.items() if other(name)} | dict(texts),
            [problem for problem in self.problems if other(problem.file)],
            frozenset(name for name in self.unreadable if other(name)),
        )

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Self:
        """Texts that are not read from the disk."""
        return cls(dict(texts), _missing(texts))

    def without(self, parts: Collection[str]) -> Sources:
        """The same without some files or folders, and without what is wrong with them."""

        def kept(name: str) -> bool:
            return name not in parts and name.partition("/")[0] not in parts

        return Sources(
            {name: text for name, text in self.texts.items() if kept(name)},
            [problem for problem in self.problems if kept(problem.file)],
            frozenset(name for name in self.unreadable if kept(name)),
        )

    def complete(self, folder: str) -> bool:
        """Whether every file below a folder could be read."""
        return not any(name.startswith(folder + "/") for name in self.unreadable)


def read_site(directory: Path) -> Sources:
    """Every file of the site that is looked for. Never raises, whatever the disk holds."""
    if not directory.is_dir():
        wrong = (
            msg("the site '{directory}' is not a directory", directory=directory)
            if directory.exists()
            else msg("the site '{directory}' does not exist", directory=directory)
        )
        return Sources(problems=[Problem(".", 1, 1, wrong)])
    sources = _read(directory, [*_TOP, *_names(directory, _FOLDERS)])
    sources.problems.extend(_missing({*sources.texts, *sources.unreadable}))
    return sources


def _missing(there: Collection[str]) -> list[Problem]:
    return [
        Problem(name, 1, 1, msg("this file is missing"), msg("every site has one"))
        for name in _REQUIRED
        if name not in there
    ]


def read_schedules(directory: Path) -> Sources:
    """The schedule, season and calendar files only."""
    return _read(directory, list(_names(directory, ("schedules", CALENDARS))))


def _names(directory: Path, folders: tuple[str, ...]) -> Iterator[str]:
    for folder in folders:
        try:
            entries = sorted(path.name for path in (directory / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            yield f"{folder}/"
            continue
        for name in entries:
            if name.endswith(".yaml") and not name.startswith("."):
                yield f"{folder}/{name}"


def yaml_below(folder: Path) -> list[Path]:
    """Every YAML file in a folder and those in it, sorted. What vanishes while it is looked at, as
    in a checkout, is not there; what nobody may look into is told by who checks it.

    Raises OSError where it cannot be told what is there: no file can be opened, the disk fails.
    """

    def unseen(error: OSError) -> None:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM):
            raise error

    return sorted(
        Path(root, name)
        for root, _, names in os.walk(folder, onerror=unseen)
        for name in names
        if name.endswith(".yaml")
    )


def _read(directory: Path, names: list[str]) -> Sources:
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    unreadable: set[str] = set()
    for name in names:
        try:
            data, wrong = _content(directory / name)
            if wrong:
                unreadable.add(name)
                problems.append(Problem(name, 1, 1, wrong[0], wrong[1]))
                continue
            texts[name] = data.decode("utf-8-sig")
        except FileNotFoundError:
            continue
        except OSError as error:
            unreadable.add(name)
            problems.append(
                Problem(name, 1, 1, msg("cannot be read: {cause}", cause=os_cause(error)))
            )
        except UnicodeDecodeError as error:
            unreadable.add(name)
            problems.append(_not_utf8(name, data, error.start))
    return Sources(texts, problems, frozenset(unreadable))


def _content(path: Path) -> tuple[bytes, tuple[Message, Message] | None]:
    """What a file holds, or why it cannot be one of a site: what is wrong, and what to do."""
    there = path.stat()
    if not stat.S_ISREG(there.st_mode) and not stat.S_ISDIR(there.st_mode):
        # A pipe would never answer, a device never end; a directory says so when it is read.
        return b"", (msg("this is no file"), msg("put a text file here"))
    if there.st_size > MOST_BYTES:
        size_mb, most_mb = there.st_size / 1e6, MOST_BYTES / 1e6
        return b"", (
            msg("this file has {size_mb:.0f} MB", size_mb=size_mb),
            msg("no file of a site is larger than {most_mb:.0f} MB", most_mb=most_mb),
        )
    return path.read_bytes(), None


def _not_utf8(name: str, data: bytes, at: int) -> Problem:
    before = data[:at].decode("utf-8-sig")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    hint = msg("save it as UTF-8")
    for encoding, mark in (("utf-16", (b"\xff\xfe", b"\xfe\xff")), ("gb18030", (b"",))):
        if data.startswith(mark):
            try:
                data.decode(encoding)
            except UnicodeDecodeError:
                continue
            hint = msg("it looks like {encoding}; save it as UTF-8", encoding=encoding.upper())
            break
    return Problem(name, line, column, msg("this file is not UTF-8 text"), hint)


_STATE_DIR = re.compile(r"^state_dir:\s*[\"']?([^\"'#\n]+?)[\"']?\s*(?:#.*)?$", re.MULTILINE)


def state_places(directory: Path) -> list[Path]:
    """Where the state directory may be, the likeliest first, whatever site.yaml looks like."""
    words: list[str] = []
    for name, pattern in ((SITE, _STATE_DIR), (STATE_PLACE, re.compile(r"^(.+)$", re.MULTILINE))):
        with suppress(OSError):
            found = pattern.search(_content(directory / name)[0].decode("utf-8", "replace"))
            words += [found[1]] if found is not None else []
    return list(dict.fromkeys(directory / word for word in (*words, STATE)))


def unread(directory: Path, state_dir: str) -> list[Problem]:
    """YAML files at places that nobody reads: a slip in a name would otherwise go unnoticed.

    Hidden files and the state directory are left alone.
    """
    problems = []
    state = directory / state_dir
    for root, folders, files in os.walk(directory, onerror=None):
        here = Path(root)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and here / f != state)
        for file in sorted(files):
            if file.startswith(".") or not file.lower().endswith((".yaml", ".yml")):
                continue
            name = (here / file).relative_to(directory).as_posix()
            problem = _unread(name)
            if problem is not None:
                problems.append(problem)
    return problems


def _unread(name: str) -> Problem | None:
    folder, _, file = name.rpartition("/")
    if folder.startswith(f"{VARIANTS}/"):
        _, variant, inside = name.split("/", 2)
        problem = _unread(inside)
        return problem and replace(problem, file=f"{VARIANTS}/{variant}/{inside}")
    if name in (*_TOP, READINGS) or (folder in _FOLDERS and file.endswith(".yaml")):
        return None
    message = msg("no part of the site reads this file")
    stem = file.rpartition(".")[0]
    if folder in _FOLDERS or f"{name.rpartition('.')[0]}.yaml" in _TOP:
        return Problem(name, 1, 1, message, msg("name it {stem}.yaml", stem=stem))
    if not folder:
        return Problem(name, 1, 1, message, suggestion(name, _TOP))
    return Problem(name, 1, 1, message, suggestion(folder, _FOLDERS))
