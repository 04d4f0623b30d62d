"""Entries of a blueprint to dataclasses of numbers, or a sentence that says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def entries(given: Mapping[str, Any], key: str) -> Sequence[tuple[str, dict[str, Any]]]:
    """Names and entries under one key, in order; raises ValueError if it holds no names."""
    found = given.get(key) or {}
    if not isinstance(found, Mapping):
        raise ValueError(f"{key}: names are expected")
    for name, entry in found.items():
        if entry is not None and not isinstance(entry, Mapping):
            raise ValueError(f"{key}: {name}: keys and values are expected")
    return [(str(name), dict(entry or {})) for name, entry in found.items()]


def made(cls: type[T], name: str, entry: Mapping[str, Any]) -> T:
    """An instance of a dataclass from its entry; raises ValueError for unknown or missing keys."""
    known: dict[str, Field[Any]] = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    unknown = entry.keys() - known.keys()
    if unknown:
        raise ValueError(f"{name}: there is no '{min(unknown)}'; there are {', '.join(known)}")
    missing = [
        key
        for key, f in known.items()
        if f.default is MISSING and f.default_factory is MISSING and key not in entry
    ]
    if missing:
        raise ValueError(f"{name}: {missing[0]} is missing")
    return cls(**entry)
