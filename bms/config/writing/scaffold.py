"""A first site directory to start from."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from bms.core.errors import InvalidInput, Refused
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause


def template() -> dict[str, str]:
    """The files of the commented example site by relative name."""
    return dict(sorted(_files(resources.files("bms.config") / "template", PurePosixPath())))


def _files(folder: Traversable, at: PurePosixPath) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _files(entry, at / entry.name)
        elif entry.name.endswith(".yaml"):
            found.append(((at / entry.name).as_posix(), entry.read_text(encoding="utf-8")))
    return found


def init(directory: Path) -> list[Path]:
    """Write a small, commented, working site; returns the files written.

    Creates the directory. Raises Refused if anything is in it already (nothing is overwritten),
    InvalidInput if it cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise Refused(
                msg(
                    "'{directory}' is not empty; name a new directory for the site",
                    directory=directory,
                )
            )
        written = []
        for name, text in template().items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            written.append(path)
    except FileExistsError:
        raise Refused(
            msg("'{directory}' is a file; name a new directory for the site", directory=directory)
        ) from None
    except OSError as error:
        raise InvalidInput(
            msg(
                "cannot write '{directory}': {cause}",
                directory=directory,
                cause=os_cause(error),
            )
        ) from None
    return written
