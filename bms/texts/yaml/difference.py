"""The differences between a file's data and the wanted data, as edits one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, TypeAlias

from bms.texts.problems import Path
from bms.texts.yaml import emit


@dataclass(frozen=True, slots=True)
class Put:
    """Give what is at `path` another value; a key that is not there yet comes after `after`."""

    path: Path
    value: Any
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Rename:
    """Give the key at the end of `path` another word, and leave its value alone."""

    path: Path
    word: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Put an item into a list; `path` ends with the index it will have."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a key or an item out."""

    path: Path


Edit: TypeAlias = Put | Rename | Insert | Remove


def difference(old: Any, new: Any, path: Path = ()) -> list[Edit]:
    """The edits, to be made one after the other, that turn one into the other."""
    if same(old, new):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        return _keys(old, new, path)
    if isinstance(old, list) and isinstance(new, list):
        return _items(old, new, path)
    return [Put(path, new)]


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types: 1, 1.0 and true are three values. Keys in any order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(v, other[k]) for k, v in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _keys(old: dict[str, Any], new: dict[str, Any], path: Path) -> list[Edit]:
    edits: list[Edit] = []
    removed: list[Edit] = []
    gone = [word for word in old if word not in new]
    added = [word for word in new if word not in old]
    renamed: set[str] = set()
    for word in gone:
        twin = next((w for w in added if w not in renamed and same(old[word], new[w])), None)
        if twin is None:
            removed.append(Remove((*path, word)))
        else:
            renamed.add(twin)
            edits.append(Rename((*path, word), twin))
    before: str | None = None
    for word, value in new.items():
        if word in old:
            edits += difference(old[word], value, (*path, word))
        elif word not in renamed:
            edits.append(Put((*path, word), value, before))
        before = word
    # What is added goes first: a mapping that loses all keys before gaining one loses its form.
    return edits + removed


def _items(old: list[Any], new: list[Any], path: Path) -> list[Edit]:
    edits: list[Edit] = []
    most = min(len(old), len(new))
    head = next((n for n in range(most) if not same(old[n], new[n])), most)
    tail = next((n for n in range(most - head) if not same(old[-n - 1], new[-n - 1])), most - head)
    before, after = (
        [_token(item) for item in items[head : len(items) - tail]] for items in (old, new)
    )
    if len(old) == len(new):
        codes = [("replace", 0, len(before), 0, len(after))]
    else:
        codes = list(SequenceMatcher(None, before, after, autojunk=False).get_opcodes())
    shift = 0
    for _, i1, i2, j1, j2 in (
        (code, i1 + head, i2 + head, j1 + head, j2 + head) for code, i1, i2, j1, j2 in codes
    ):
        shared = min(i2 - i1, j2 - j1)
        for n in range(shared):
            edits += difference(old[i1 + n], new[j1 + n], (*path, i1 + n + shift))
        at = i1 + shared + shift
        for n in range(j2 - j1 - shared):
            edits.append(Insert((*path, at + n), new[j1 + shared + n]))
        edits += [Remove((*path, at))] * (i2 - i1 - shared)
        shift += (j2 - j1) - (i2 - i1)
    return edits


def _token(value: Any) -> str:
    return f"{type(value).__name__}:{emit.flow(value)}" if value is not None else ""
