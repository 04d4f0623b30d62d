"""The entry of the audit for the change of a file that is being made.

A file and the audit cannot change in one step. So the entry is kept before the file changes, and
entered behind it: whoever is killed in between leaves a change that the next one enters, or a
version that never came into force, which the next one takes away. Where the audit comes first, its
entry is noted, so that the next one only has to do the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from bms.storage import audit
from bms.storage.durable import digest, leftovers, on_disk, write_whole

FILE_NAME = "intended.json"
ADOPTING = "adopting.json"


class Intended:
    """At most one entry, while `revisions/.lock` is held. Raises StoreError, OSError."""

    def __init__(self, site: Path, state_dir: Path, folder: Path) -> None:
        self._site = site
        self._state = state_dir
        self._folder = folder
        self._path = folder / FILE_NAME

    def note(self, entry: Mapping[str, Any], now: datetime, version: Path | None = None) -> None:
        """Keep the entry of a change that is about to be made: it has `file` and, as hashes,
        `before` and `after`. `version` is about to be kept for it, below the folder."""
        told = {"time": now.isoformat(), "ref": f"revision:{uuid4().hex}", **audit.kept(entry)}
        if version is not None:
            told["version"] = version.relative_to(self._folder).as_posix()
        write_whole(self._path, json.dumps(told, ensure_ascii=False).encode())

    def drop(self) -> None:
        """The change is not made: nothing of it stays."""
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            self._withdraw(json.loads(self._path.read_bytes()))
        self._path.unlink(missing_ok=True)

    def enter(self) -> None:
        """Enter the change that was made last, if it was made and is not in the audit yet."""
        if not self._path.exists():
            return
        try:
            told = json.loads(self._path.read_bytes())
            time = datetime.fromisoformat(told.pop("time"))
            found = on_disk(self._site / told["file"])
            made = (digest(found) if found is not None else "") != told["before"]
        except (ValueError, KeyError, TypeError, AttributeError):
            made = False  # damaged by hand: the write of it is whole or not at all
        if not made:
            self.drop()
            return
        told.pop("version", None)
        for left in leftovers(self._site / told["file"]):
            if digest(left.read_bytes()) == told["before"]:  # a hand edit stays to be kept
                left.unlink()
        if all(told["ref"] != entry.get("ref") for entry in audit.entries(self._state)):
            audit.record(self._state, time, **told)
        self._path.unlink()

    def _withdraw(self, told: Mapping[str, Any]) -> None:
        """Take away what was kept of a change that was never in force: nobody made that version,
        and the text that was to be written is no edit of anybody."""
        if "version" not in told:
            return
        kept = self._folder / str(told["version"])
        text = on_disk(kept) or b""
        for left in leftovers(self._site / told["file"]):
            if text.startswith(left.read_bytes()):  # as far as it was written
                left.unlink()
        kept.unlink(missing_ok=True)
        kept.with_suffix(".json").unlink(missing_ok=True)


class Adopting:
    """What comes into force behind its entry of the audit: a file of its hashes, `path`."""

    def __init__(self, state_dir: Path, path: Path) -> None:
        self._state = state_dir
        self._path = path
        self._note = path.with_name(ADOPTING)

    def adopt(self, hashes: Mapping[str, str], entry: Mapping[str, Any], now: datetime) -> None:
        """Enter it, and put it in force."""
        ref = f"adopted:{uuid4().hex}"
        write_whole(self._note, json.dumps({"ref": ref, "hashes": hashes}).encode())
        audit.record(self._state, now, ref=ref, **entry)
        self._put(hashes)
        self._note.unlink()

    def finish(self) -> None:
        """Put in force what was entered, if somebody was killed before it was."""
        if not self._note.exists():
            return
        try:
            told = json.loads(self._note.read_bytes())
            ref, hashes = told["ref"], dict(told["hashes"])
        except (ValueError, KeyError, TypeError):
            ref, hashes = None, {}  # damaged by hand: the write of it is whole or not at all
        if ref and any(ref == entry.get("ref") for entry in audit.entries(self._state)):
            self._put(hashes)
        self._note.unlink()

    def _put(self, hashes: Mapping[str, str]) -> None:
        write_whole(self._path, json.dumps(hashes, indent=1).encode())
