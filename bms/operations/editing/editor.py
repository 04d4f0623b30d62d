"""One edit of one schedule file by a command: found, checked, shown, applied.

Works on the files themselves, with or without a running controller; a running one notices, checks
and adopts the file by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from pathlib import Path
from typing import Any

from bms.config.load import check
from bms.config.reading.files import CALENDARS, SEASONS
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.errors import InvalidInput, Refused
from bms.operations.editing.loading import load_to_read
from bms.operations.editing.revisions import Author, Revision, Revisions, text_of
from bms.people.roles import Action, may
from bms.storage.durable import digest, on_disk
from bms.texts.messages import msg
from bms.texts.problems import Problem, TextError, counted, suggestion
from bms.texts.yaml.parsing import read
from bms.texts.yaml.patch import PatchRefused, rewrite
from schedules.edits import in_words


@dataclass(frozen=True, slots=True)
class Draft:
    """A new text for a file, and the one it was made from."""

    file: str
    old: bytes
    new: bytes

    @property
    def edited_from(self) -> str:
        """The hash of the old text; empty for a new file."""
        return digest(self.old) if self.old else ""

    def lines(self) -> list[str]:
        """The lines that change, `-` before and `+` after."""
        old, new = _shown(self.old).splitlines(), _shown(self.new).splitlines()
        found = unified_diff(old, new, lineterm="", n=0)
        return [line for line in found if not line.startswith(("---", "+++", "@@"))]

    def words(self) -> list[str]:
        """The changes for people; empty if only comments or layout differ."""
        before, after = (read(self.file, _shown(data))[0] for data in (self.old, self.new))
        if before is None or after is None:
            return []
        return in_words(before.data, after.data)


class Editor:
    """The schedule files of one site, to be changed."""

    def __init__(self, directory: Path, state_dir: Path, running: Site | None = None) -> None:
        """`running`: the site as it is controlled, which says who may; None: its files do."""
        self.directory = directory
        self.state_dir = state_dir
        self._running = running
        self.revisions = Revisions(directory, state_dir)

    def file_of(self, name: str, *, gone: bool = False) -> str:
        """The file of a schedule or calendar id, or of a file's own name. Raises InvalidInput.

        With `gone` also of one that is kept as revisions alone.
        """
        files = self.revisions.files()
        if gone:
            files |= self.revisions.gone()
        known: dict[str, str] = {}
        for file, data in files.items():
            short = file.removeprefix("schedules/").removesuffix(".yaml")
            known |= {file: file, short: file, f"{short}.yaml": file}
            document, _ = read(file, data.decode("utf-8", "replace"))
            if document is not None and isinstance(document.data, dict):
                for key in ("schedule", "calendar"):
                    word = document.data.get(key)
                    if isinstance(word, str):
                        known.setdefault(word, file)
        if name not in known:
            names = {file.removeprefix("schedules/").removesuffix(".yaml") for file in files}
            raise InvalidInput(
                msg(
                    "no schedule '{name}'; {suggestion}",
                    name=name,
                    suggestion=suggestion(name, names),
                )
            )
        return known[name]

    def text(self, file: str) -> bytes:
        """What the file holds now. Raises InvalidInput if it is gone."""
        data = on_disk(self.directory / file)
        if data is None:
            raise InvalidInput(msg("{file} is no longer there", file=file))
        return data

    def draft(self, file: str, change: Callable[[dict[str, Any]], Any]) -> Draft:
        """The file with its data changed. Raises InvalidInput, or Refused if it takes an editor."""
        old = self.text(file)
        text = text_of(old)
        document, problems = read(file, text)
        if document is None or problems or not isinstance(document.data, dict):
            raise InvalidInput(
                msg("{file} cannot be read as it is; correct it first", file=file), problems
            )
        try:
            intended = change(document.data)
            return Draft(file, old, rewrite(file, text, intended).encode())
        except TextError as error:
            raise InvalidInput(
                msg("{error}; {hint}", error=error.args[0], hint=error.hint)
                if error.hint
                else error.args[0]
            ) from None
        except PatchRefused as error:
            raise Refused(msg("{error}; use 'bms schedule edit'", error=error)) from None

    def _site(self) -> Site:
        if self._running is not None:
            return self._running
        return load_to_read(self.directory, STRATEGIES, ("schedules",))[0]

    def problems(self, texts: Mapping[str, str]) -> list[Problem]:
        """Everything wrong with the schedules of the site, if these were their texts."""
        _, found = check(self.directory, STRATEGIES, schedules=texts)
        return [problem for problem in found if problem.file.startswith("schedules/")]

    def problems_of(self, draft: Draft) -> list[Problem]:
        """Everything wrong with the draft's own file."""
        texts = {f: d.decode("utf-8-sig", "replace") for f, d in self.revisions.files().items()}
        texts[draft.file] = text_of(draft.new).removeprefix("\ufeff")
        return [problem for problem in self.problems(texts) if problem.file == draft.file]

    def apply(
        self, draft: Draft, what: str, author: Author, now: datetime, *, edited_from: str
    ) -> Revision:
        """Put the draft in the place of its file, if that is still the text with the hash
        `edited_from`. Raises InvalidInput, Refused."""
        site = self._site()
        may(site, author.who, _action(draft.file), *_governed(draft))
        return self.revisions.change(
            draft.file,
            draft.new,
            edited_from=edited_from,
            by=author,
            what=what,
            now=now,
            check=self.problems,
        )

    def remove(self, file: str, author: Author, now: datetime) -> None:
        """Take a file away, or confirm that it is gone. Raises InvalidInput, Refused."""
        site = self._site()
        there = on_disk(self.directory / file)
        if there is None:
            last = self.revisions.of(file)[-1:]
            there = last[0].path.read_bytes() if last else b""
        may(site, author.who, _action(file), *_governed(Draft(file, there, b"")))
        rest = {f: d.decode("utf-8-sig", "replace") for f, d in self.revisions.files().items()}
        before = {(p.file, p.message) for p in self.problems(rest)}
        rest.pop(file, None)
        if found := [p for p in self.problems(rest) if (p.file, p.message) not in before]:
            raise InvalidInput(
                msg("the others need {file}: {count}", file=file, count=counted(found)), found
            )
        self.revisions.remove(file, author, now)


def _shown(data: bytes) -> str:
    """A text to be shown: what stood there before may be no UTF-8, and is to be mended."""
    return data.decode("utf-8", "replace")


def _action(file: str) -> Action:
    if file == SEASONS:
        return Action.SEASON
    return Action.CALENDAR if file.startswith(f"{CALENDARS}/") else Action.SCHEDULE


def _governed(draft: Draft) -> list[str]:
    """What the schedule governs, before and after; nothing for files that all schedules share."""
    found: set[str] = set()
    for data in (draft.old, draft.new):
        document, _ = read(draft.file, _shown(data))
        governs = document.data.get("governs") if document and document.data else None
        found |= {str(one) for one in (governs if isinstance(governs, list) else [governs]) if one}
    return sorted(found)


def versions(revisions: Revisions, files: Sequence[str]) -> list[Revision]:
    """The versions of some files, the latest first."""
    found = [revision for file in files for revision in revisions.of(file)]
    return sorted(found, key=lambda r: (r.time, r.file, r.number), reverse=True)
