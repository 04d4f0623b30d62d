"""The files of a site as the controller last ran them, kept for a start after a bad edit.

`<state>/last-good/manifest.json` names every file with its hash and says since when they are in
force; the texts lie beside it by hash. Only what the manifest names is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bms.config.reading.files import STATE, STATE_PLACE, state_places
from bms.core.errors import StoreError
from bms.storage.durable import digest, make_directories, write_whole
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

FOLDER: Final = "last-good"
_MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class GoodFiles:
    """Files that made a site which ran."""

    texts: Mapping[str, str]
    """By name relative to the site."""
    since: datetime
    """Since when they are in force."""


class LastGood:
    """The last good files of one site."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / FOLDER

    @classmethod
    def of(cls, directory: Path) -> LastGood:
        """Those of a site whose `site.yaml` may be broken or gone."""
        places = [cls(place) for place in state_places(directory)]
        return next((place for place in places if place.kept), places[0])

    @property
    def kept(self) -> bool:
        """Whether anything was ever kept here."""
        return (self.folder / _MANIFEST).is_file()

    @property
    def state_dir(self) -> Path:
        return self.folder.parent

    def read(self) -> GoodFiles | None:
        """What was kept last; None if nothing ever was. Raises StoreError if it is damaged."""
        try:
            told = json.loads((self.folder / _MANIFEST).read_text(encoding="utf-8"))
            texts: dict[str, str] = {}
            for name, sha in told["files"].items():
                data = self._blob(str(sha)).read_bytes()
                if digest(data) != sha:
                    raise StoreError(msg("the last good version of {file} is damaged", file=name))
                texts[name] = data.decode("utf-8")
            return GoodFiles(texts, datetime.fromisoformat(told["since"]))
        except FileNotFoundError:
            if not self.kept:
                return None
            raise StoreError(
                msg("the last good files in {folder} are not complete", folder=self.folder)
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            cause = os_cause(error) if isinstance(error, OSError) else error
            raise StoreError(
                msg("the last good files cannot be read: {error}", error=cause)
            ) from error

    def keep(self, texts: Mapping[str, str], now: datetime) -> datetime:
        """Keep these, durably, in place of those before; answers since when they are in force.

        Raises StoreError if the disk does not take them: those before then stay.
        """
        files = {name: digest(text.encode()) for name, text in texts.items()}
        try:
            told = json.loads((self.folder / _MANIFEST).read_text(encoding="utf-8"))
            if told["files"] == files and all(self._blob(sha).is_file() for sha in files.values()):
                return datetime.fromisoformat(told["since"])
        except (OSError, ValueError, KeyError, TypeError):
            pass  # nothing yet, or damaged: it is written again
        try:
            make_directories(self.folder)
            for name, sha in files.items():
                if not self._holds(sha):
                    write_whole(self._blob(sha), texts[name].encode())
            manifest = {"since": now.isoformat(timespec="seconds"), "files": files}
            write_whole(self.folder / _MANIFEST, json.dumps(manifest, indent=1).encode())
            wanted = {self._blob(sha).name for sha in files.values()} | {_MANIFEST}
            for path in self.folder.iterdir():
                if path.name not in wanted:
                    path.unlink()
        except OSError as error:
            raise StoreError(
                msg(
                    "cannot keep the last good files in {folder}: {cause}",
                    folder=self.folder,
                    cause=os_cause(error),
                )
            ) from error
        return now

    def point_to(self, directory: Path) -> None:
        """Note beside `site.yaml` where a state directory of an unusual name is.

        As far as the site's directory can be written: it is for the day when `site.yaml` is lost.
        """
        place = directory / STATE_PLACE
        try:
            if self.state_dir == directory / STATE:
                place.unlink(missing_ok=True)
            elif not place.is_file() or place.read_text("utf-8").strip() != str(self.state_dir):
                place.write_text(f"{self.state_dir}\n", encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return

    def _blob(self, sha: str) -> Path:
        return self.folder / f"{sha[:16]}.yaml"

    def _holds(self, sha: str) -> bool:
        try:
            return digest(self._blob(sha).read_bytes()) == sha
        except OSError:
            return False
