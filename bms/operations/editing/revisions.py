"""Every version of every schedule file that was in force, and the way to a new one.

`<state>/revisions/<file id>/<number>-<hash>.yaml` has the text, the `.json` beside it who made it,
via what and why; `good.json` says which version of each file the controller runs. The file id is
the name below `schedules/` without its ending. No version that was in force is ever changed or
taken away.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bms.config.reading.files import MOST_BYTES, yaml_below
from bms.core.errors import InvalidInput, Refused, StoreError
from bms.operations.editing.intended import Adopting, Intended
from bms.people.accounts import account
from bms.storage import audit
from bms.storage.durable import (
    digest,
    leftovers,
    make_directories,
    on_disk,
    open_file,
    put,
    sync_directory,
    write_whole,
)
from bms.texts.messages import from_json, msg, to_json
from bms.texts.problems import Problem, counted
from bms.texts.system_errors import os_cause

FOLDER = "revisions"
SCHEDULES = "schedules"
_GOOD = "good.json"
_REMOVED = "removed.json"
_NAME = re.compile(r"(\d+)-([0-9a-f]{12})\.yaml")
_SHOWN = 12
"""Digits of a hash in names."""

NOBODY = "?"
"""Stands for who did it where nobody can know."""

Check = Callable[[Mapping[str, str]], Sequence[Problem]]
"""All problems of the schedule files, given by name."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change, and why."""

    who: str
    via: str
    why: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of one file; `number` counts from 1."""

    file: str
    number: int
    sha256: str
    before: str
    """The hash of what it replaced; empty if there was nothing, or nobody knows."""
    time: str
    who: str
    via: str
    why: str
    path: Path


class Revisions:
    """The versions of one site's schedule files. Raises StoreError if the disk does."""

    def __init__(self, directory: Path, state_dir: Path) -> None:
        self._site = directory
        self._state = state_dir
        self.folder = state_dir / FOLDER
        """Where all of it is kept."""
        self._intended = Intended(directory, state_dir, self.folder)
        self._adopting = Adopting(state_dir, self.folder / _GOOD)

    # --- looking -----------------------------------------------------------------------------

    def files(self) -> dict[str, bytes]:
        """What is on the disk now, by name relative to the site."""
        found: dict[str, bytes] = {}
        for path in yaml_below(self._site / SCHEDULES):
            name = path.relative_to(self._site).as_posix()
            if path.name.startswith(".") or name.count("/") > 2:
                continue
            with suppress(OSError):  # whoever checks the site says that it cannot be read
                data = on_disk(path) if can_be_read(path) else None
                if data is not None:
                    found[name] = data
        return found

    def gone(self) -> dict[str, bytes]:
        """Files that are no longer on the disk, as they were kept last."""
        found: dict[str, bytes] = {}
        for folder in sorted({path.parent for path in self.folder.rglob("*.yaml")}):
            name = (Path(SCHEDULES) / folder.relative_to(self.folder)).as_posix() + ".yaml"
            if not (self._site / name).exists() and (kept := self.of(name)):
                with suppress(OSError):
                    found[name] = kept[-1].path.read_bytes()
        return found

    def of(self, file: str) -> list[Revision]:
        """The versions of a file, oldest first."""
        folder = self._of(file)
        found = []
        for path in folder.glob("*.yaml"):
            named = _NAME.fullmatch(path.name)
            if named is None:
                continue
            try:
                told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
                found.append(
                    Revision(
                        file,
                        int(named[1]),
                        str(told["sha256"]),
                        str(told["before"]),
                        str(told["time"]),
                        str(told["who"]),
                        str(told["via"]),
                        from_json(told["why"]),
                        path,
                    )
                )
            except (OSError, ValueError, KeyError, TypeError):
                sha = digest(path.read_bytes())
                found.append(Revision(file, int(named[1]), sha, "", "", "?", "?", "", path))
        return sorted(found, key=lambda revision: revision.number)

    def text(self, file: str, number: int) -> bytes:
        """What a version says. Raises InvalidInput if there is none, or it is damaged."""
        for revision in self.of(file):
            if revision.number == number:
                data = revision.path.read_bytes()
                if digest(data) != revision.sha256:
                    raise InvalidInput(
                        msg(
                            "revision {number} of {file} was damaged after it was kept",
                            number=number,
                            file=file,
                        )
                    )
                return data
        raise InvalidInput(
            msg(
                "{file} has no revision {number}; see 'bms schedule history'",
                file=file,
                number=number,
            )
        )

    def good(self) -> dict[str, bytes] | None:
        """The texts that were last in force, by name; None if nothing was ever adopted."""
        try:
            told = json.loads((self.folder / _GOOD).read_text(encoding="utf-8"))
            return {str(file): self._with(str(file), str(sha)) for file, sha in told.items()}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, AttributeError) as error:
            raise StoreError(
                msg("the last good schedules cannot be read: {error}", error=error)
            ) from error

    def removed(self, file: str) -> bool:
        """Whether somebody confirmed that the file is gone on purpose."""
        return (self._of(file) / _REMOVED).is_file()

    def _with(self, file: str, sha: str) -> bytes:
        for path in self._of(file).glob(f"*-{sha[:_SHOWN]}.yaml"):
            data = path.read_bytes()
            if digest(data) == sha:
                return data
        raise StoreError(
            msg(
                "the last good version of {file} is not in {folder}",
                file=file,
                folder=self._of(file),
            )
        )

    def _of(self, file: str) -> Path:
        return self.folder / Path(file).relative_to(SCHEDULES).with_suffix("")

    # --- changing ----------------------------------------------------------------------------

    def change(
        self, file: str, data: bytes, *, edited_from: str, by: Author, what: str,
        now: datetime, check: Check,
    ) -> Revision:  # fmt: skip
        """Put a new text in the place of a file, after checking all schedules with it.

        `edited_from` is the hash of the text that was edited; empty to make a new file. Raises
        InvalidInput with the problems, Refused if the file no longer is that text.
        """
        path = self._site / file
        with self._locked():
            for left in leftovers(path):  # whoever was killed here may have held an edit
                self._keep(file, left.read_bytes(), "", of_file(left), now)
                left.unlink()
            old = on_disk(path)
            before = digest(old) if old is not None else ""
            if before != edited_from:
                raise Refused(
                    msg(
                        "{name} was changed meanwhile by somebody else; nothing is overwritten: "
                        "look at it again and repeat your change",
                        name=file,
                    )
                )
            _refuse_problems(file, self.files(), data, check)
            if old is not None:
                self._keep(file, old, "", of_file(path), now)
            new, latest = self._next(file, data)
            entry = {
                "who": by.who, "via": by.via, "what": what, "why": by.why, "file": file,
                "revision": latest.number if latest else _number(new), "before": before,
                "after": digest(data),
            }  # fmt: skip
            self._intended.note(entry, now, None if latest else new)
            revision = self._keep(file, data, before, by, now)
            try:
                put(path, data, before)
            except (OSError, Refused) as error:
                self._intended.drop()
                if isinstance(error, Refused):
                    raise
                raise StoreError(
                    msg("cannot write {path}: {cause}", path=path, cause=os_cause(error))
                ) from error
            self._intended.enter()
        return revision

    def remove(self, file: str, by: Author, now: datetime) -> None:
        """Confirm that a file is gone on purpose; take it away if it is still there.

        What it said last stays among the revisions. Raises InvalidInput if there never was such a
        file.
        """
        path = self._site / file
        with self._locked():
            old = on_disk(path)
            if old is None and (not self.of(file) or self.removed(file)):
                raise InvalidInput(msg("{file} is no longer there", file=file))
            if old is not None:
                self._keep(file, old, "", of_file(path), now)
            last = self.of(file)[-1]
            told = {
                "time": now.isoformat(timespec="seconds"),
                "who": by.who,
                "via": by.via,
                "why": to_json(by.why),
            }
            entry = {
                "who": by.who, "via": by.via, "what": "schedule.remove", "why": by.why,
                "file": file, "revision": last.number, "before": last.sha256, "after": "",
            }  # fmt: skip
            self._intended.note(entry, now)
            write_whole(self._of(file) / _REMOVED, json.dumps(told, ensure_ascii=False).encode())
            if old is not None:
                path.unlink()
                sync_directory(path.parent)
            self._intended.enter()

    def adopt(self, texts: Mapping[str, bytes], now: datetime) -> list[str]:
        """Note that the controller runs these texts; the names of those that are new to it.

        What changed since the last time becomes a revision, and one entry of the audit. Who
        edited a file in its place nobody knows: it is said whose file it is, not who it was.
        """
        with self._locked():
            self._adopting.finish()
            for file in texts:  # it is back: another removal is confirmed by itself
                (self._of(file) / _REMOVED).unlink(missing_ok=True)
            try:
                told = json.loads((self.folder / _GOOD).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                told = {}
            good = {file: digest(data) for file, data in texts.items()}
            changed = sorted(f for f in good.keys() | told.keys() if good.get(f) != told.get(f))
            if not changed:
                return []
            files: dict[str, dict[str, Any]] = {}
            for file in changed:
                before = str(told.get(file, ""))
                entry: dict[str, Any] = {"before": before, "after": good.get(file, "")}
                if file in texts:
                    by = of_file(self._site / file)
                    if not told:
                        by = replace(by, why=msg("as it was at the first start"))
                    kept = self._keep(file, texts[file], before, by, now)
                    entry |= {"revision": kept.number, "who": kept.who, "why": kept.why}
                files[file] = entry
            authors = {str(entry.get("who", NOBODY)) for entry in files.values()}
            entered = {
                "who": ", ".join(sorted(authors)), "via": "file",
                "what": "schedule.adopted", "files": files,
                "why": _why_of(files.values()) if told else msg("first start"),
            }  # fmt: skip
            self._adopting.adopt(good, entered, now)
        return changed

    def reject(
        self, texts: Mapping[str, bytes], problems: Sequence[Problem], now: datetime
    ) -> None:
        """Note in the audit that these texts were not adopted."""
        files = sorted({problem.file for problem in problems})
        with self._locked():
            pass  # a command may have been killed behind its change
        audit.record(
            self._state, now, who=NOBODY, via="file", what="schedule.rejected",
            why=problems[0].sentence if problems else "",
            owners=sorted({_owner(self._site / f) for f in files if f in texts}),
            files={f: {"after": digest(texts[f])} for f in files if f in texts},
        )  # fmt: skip

    def _next(self, file: str, data: bytes) -> tuple[Path, Revision | None]:
        """Where a text would be kept, and the latest version if that is the same."""
        there = self.of(file)
        number = there[-1].number + 1 if there else 1
        sha = digest(data)
        path = self._of(file) / f"{number:04}-{sha[:_SHOWN]}.yaml"
        return path, there[-1] if there and there[-1].sha256 == sha else None

    def _keep(self, file: str, data: bytes, before: str, by: Author, now: datetime) -> Revision:
        """Keep a version, unless the latest one is the same."""
        path, latest = self._next(file, data)
        if latest is not None:
            return latest
        sha = digest(data)
        told = {
            "sha256": sha,
            "before": before,
            "time": now.isoformat(timespec="seconds"),
            "who": by.who,
            "via": by.via,
            "why": to_json(by.why),
        }
        text = json.dumps(told, ensure_ascii=False)
        write_whole(path.with_suffix(".json"), text.encode())
        write_whole(path, data)
        time = now.isoformat(timespec="seconds")
        return Revision(file, _number(path), sha, before, time, by.who, by.via, by.why, path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One change at a time, whichever process makes it."""
        try:
            make_directories(self.folder)
            with os.fdopen(open_file(self.folder / ".lock"), "a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._intended.enter()
                yield
        except OSError as error:
            raise StoreError(
                msg(
                    "cannot keep revisions in {folder}: {error}",
                    folder=self.folder,
                    error=os_cause(error),
                )
            ) from error


def can_be_read(path: Path) -> bool:
    """Whether it is a file, and not so long that something else must be in it."""
    return path.is_file() and path.stat().st_size <= MOST_BYTES


def text_of(data: bytes) -> str:
    """A file's characters, with its line ends and its byte order mark. Raises InvalidInput."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(msg("the file is not UTF-8 text; save it as UTF-8")) from None


def _refuse_problems(file: str, files: Mapping[str, bytes], data: bytes, check: Check) -> None:
    """Problems in this file, or new ones elsewhere; old ones elsewhere do not hold it up."""
    now: dict[str, str] = {}
    for name, content in files.items():
        with suppress(UnicodeDecodeError):
            now[name] = content.decode("utf-8-sig")
    new = {**now, file: text_of(data).removeprefix("\ufeff")}
    found = check(new)
    known = {(p.file, p.message) for p in check(now)} if found else set()
    problems = [p for p in found if p.file == file or (p.file, p.message) not in known]
    if problems:
        count = counted(problems)
        raise InvalidInput(
            msg("{file} would have {count}; nothing was changed", file=file, count=count), problems
        )


def _number(path: Path) -> int:
    """Which version of its file a kept one is."""
    return int(path.name.partition("-")[0])


def _why_of(files: Iterable[Mapping[str, Any]]) -> str:
    """What is said of all files at once: one reason if they have the same, and all of them have
    one."""
    first, *others = [file.get("why") for file in files]
    if isinstance(first, str) and all(other == first for other in others):
        return first
    return msg("the files changed")


def of_file(path: Path) -> Author:
    """What is known of who edited a file in its place: not who it was, but whose file it is."""
    why = msg("edited on the disk; owner {owner}", owner=_owner(path))
    return Author(NOBODY, "file", why)


def _owner(path: Path) -> str:
    try:
        return account(path.stat().st_uid)
    except OSError:
        return NOBODY
