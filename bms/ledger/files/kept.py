"""`readings.yaml`: how each kind of file was taken before, so that nobody is asked twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from bms.config.reading.files import READINGS
from bms.config.reading.sections import entries, read_all
from bms.config.shapes.reading_formats import ReadingsFile, ReadingsFormat
from bms.core.errors import InvalidInput
from bms.storage.durable import digest, on_disk, put
from bms.texts.messages import msg
from bms.texts.problems import suggestion
from bms.texts.system_errors import os_cause

_HEAD: Final = (
    "# How files of readings are taken: kept by 'bms meter import', which alone reads it.\n"
)


def declared_format(pairs: Mapping[str, str], meters: Mapping[str, str]) -> ReadingsFormat:
    """What was said of one file: values by key, and meters by the name in the file.

    Raises InvalidInput for what no format has.
    """
    keys = [key for key in ReadingsFormat.model_fields if key not in ("header", "meters")]
    for key in pairs:
        if key not in keys:
            raise InvalidInput(
                msg("--format: no '{key}'; {hint}", key=key, hint=suggestion(key, keys))
            )
    try:
        return ReadingsFormat.model_validate({**pairs, "meters": dict(meters)})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = str(first["loc"][0])
        raise InvalidInput(
            msg("--format: '{text}' is no {key}: {cause}", text=pairs.get(key, ""), key=key,
                cause=first["msg"])
        ) from None  # fmt: skip


def kept_formats(directory: Path) -> dict[str, ReadingsFormat]:
    """The kinds of files that a site knows, by name. Raises InvalidInput with every problem."""
    body = _on_disk(directory / READINGS)
    if body is None:
        return {}
    documents, problems, _ = read_all({READINGS: body.decode("utf-8", "replace")})
    found: dict[str, ReadingsFormat] = {}
    for document in documents:
        _, found, more = entries(
            document, ReadingsFile, "files", lambda _: ReadingsFormat, ReadingsFormat()
        )
        problems += more
    if problems:
        raise InvalidInput(msg("{file} cannot be used", file=READINGS), problems)
    return found


def keep_format(directory: Path, name: str, known: ReadingsFormat) -> bool:
    """Keep how a file was taken, in place of what was kept of its kind; whether that is new.

    Raises InvalidInput if the file cannot be written.
    """
    kept = kept_formats(directory)
    before = next((key for key, one in kept.items() if one.header == known.header), None)
    if (before is not None and kept[before] == known) or not _says_anything(known):
        return False
    key = before or _free(name, kept)
    files = {one: _plain(value) for one, value in sorted({**kept, key: known}.items())}
    path = directory / READINGS
    body = _HEAD + yaml.safe_dump({"files": files}, allow_unicode=True, sort_keys=False)
    held = _on_disk(path)
    try:
        put(path, body.encode(), "" if held is None else digest(held))
    except OSError as error:
        raise InvalidInput(
            msg("cannot write {path}: {cause}", path=path, cause=os_cause(error))
        ) from error
    return True


def _says_anything(known: ReadingsFormat) -> bool:
    return bool(_plain(known).keys() - {"header"})


def _plain(known: ReadingsFormat) -> dict[str, Any]:
    plain = known.model_dump(exclude_none=True)
    if not plain["meters"]:
        del plain["meters"]
    return plain


def _free(name: str, kept: Mapping[str, ReadingsFormat]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "file"
    stem = re.sub(r"(-?\d+)+$", "", stem) or stem
    number = 1
    while (f"{stem}-{number}" if number > 1 else stem) in kept:
        number += 1
    return f"{stem}-{number}" if number > 1 else stem


def _on_disk(path: Path) -> bytes | None:
    try:
        return on_disk(path)
    except OSError as error:
        raise InvalidInput(
            msg("cannot read {path}: {cause}", path=path, cause=os_cause(error))
        ) from error
