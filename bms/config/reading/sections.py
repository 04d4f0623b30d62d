"""Documents into validated entries, so that one broken entry does not hide the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from bms.texts.messages import msg
from bms.texts.problems import Document, Path, Problem, suggestion
from bms.texts.yaml.parsing import read, validate

M = TypeVar("M", bound=BaseModel)
F = TypeVar("F", bound=BaseModel)


@dataclass(slots=True)
class Names:
    """The names that may be referred to. A name whose own definition is broken still counts.

    `complete` is False when a file that may define more could not be understood: then nobody
    can say that a name is unknown, and one mistake stays one problem.
    """

    known: set[str] = field(default_factory=set)
    complete: bool = True

    def unknown(
        self, document: Document, path: Path, name: str, what: str, *, key: bool = False
    ) -> list[Problem]:
        """One problem at `path` if `name` certainly does not exist, with the nearest spelling."""
        if name in self.known or not self.complete:
            return []
        return [
            document.problem(
                path,
                msg("no {item} '{name}'", item=what, name=name),
                suggestion(name, self.known),
                key=key,
            )
        ]


def read_all(texts: Mapping[str, str]) -> tuple[list[Document], list[Problem], bool]:
    """Parse files. The last value is False if one of them could not be parsed."""
    documents: list[Document] = []
    problems: list[Problem] = []
    complete = True
    for name, text in sorted(texts.items()):
        document, found = read(name, text)
        problems.extend(found)
        if document is None:
            complete = False
            continue
        if not isinstance(document.data, dict):
            problems.append(document.problem((), msg("keys with values belong here")))
            complete = False
            continue
        documents.append(document)
    return documents, problems, complete


def entries(
    document: Document,
    whole: type[F],
    section: str,
    model_of: Callable[[Mapping[str, Any]], type[M]],
    stand_in: BaseModel,
) -> tuple[F | None, dict[str, M], list[Problem]]:
    """The file model, the valid entries of its `section`, and every problem.

    Entries that are wrong are left out of the second, and have `stand_in` in the first, which is
    None only if something beside the entries is wrong. `model_of` picks an entry's model.
    """
    raw = document.data.get(section)
    valid: dict[str, M] = {}
    problems: list[Problem] = []
    if not isinstance(raw, dict):
        file, problems = validate(whole, document)
        return file, valid, problems
    for name, data in raw.items():
        if not isinstance(data, dict):
            message = msg("'{name}' has nothing to describe it", name=name)
            problems.append(
                document.problem((section, name), message, msg("give it keys and values"))
            )
            continue
        entry, found = validate(model_of(data), document, (section, name))
        problems.extend(found)
        if entry is not None:
            valid[name] = entry
    held = {name: valid.get(name, stand_in) for name in raw}
    file, found = validate(whole, document, data={**document.data, section: held})
    return file, valid, problems + found


def names_of(document: Document, section: str) -> list[str]:
    """The names that a section defines, also those whose definition is broken."""
    raw = document.data.get(section)
    return list(raw) if isinstance(raw, dict) else []
