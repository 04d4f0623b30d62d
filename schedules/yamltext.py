"""YAML 1.2 text into plain data that remembers where everything stood.

Problems come as `Problem` values, all of them, never as the first exception.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the document's root to a node."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something is written; line and column count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong at one place; `hint` says what to write instead."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}:{self.column}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain dicts, lists and scalars, and the place of every node."""

    file: str
    data: Any
    keys: Mapping[Path, Origin] = field(default_factory=dict)
    """Where the key of a mapping entry stands."""
    values: Mapping[Path, Origin] = field(default_factory=dict)
    """Where a value stands."""

    def at(self, path: Path, *, key: bool = False) -> Origin:
        """The place of a value (or of its key); of the nearest written ancestor if it has none."""
        for end in range(len(path), -1, -1):
            here = path[:end]
            if (key or end < len(path)) and here in self.keys:
                return self.keys[here]
            if here in self.values:
                return self.values[here]
        return Origin(self.file, 1)

    def problem(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """A problem at the place of `path`."""
        place = self.at(path, key=key)
        return Problem(self.file, place.line, place.column, message, hint)


# What a Chinese input method types where YAML wants ASCII.
_FULL_WIDTH = {
    "：": ":",
    "，": ",",
    "｛": "{",
    "｝": "}",
    "［": "[",
    "］": "]",
    "【": "[",
    "】": "]",
    "－": "-",
    "＃": "#",
    "　": "a space",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
_QUOTED_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'|(?:^|(?<=\s))#.*')
_BLOCK_SCALAR = re.compile(r"[|>][-+0-9]*\s*(?:#.*)?$")


def full_width(file: str, text: str) -> list[Problem]:
    """Full-width punctuation where YAML syntax is expected.

    Text in quotes, in comments and in block scalars is left alone, and so is full-width
    punctuation inside plain prose (`title: 空调：一号` keeps its colon).
    """
    problems: list[Problem] = []
    block_indent: int | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        indent = len(line) - len(line.lstrip(" "))
        if block_indent is not None:
            if not line.strip() or indent > block_indent:
                continue
            block_indent = None
        bare = _QUOTED_OR_COMMENT.sub(lambda match: " " * len(match.group()), line)
        if _BLOCK_SCALAR.search(bare):
            block_indent = indent
        # After an ASCII "key: " the rest is a value: only flow brackets make its punctuation syntax.
        value = re.search(r":\s+", bare)
        flow = next((i for i, c in enumerate(bare) if c in "{[｛［【"), None)
        for index, character in enumerate(bare):
            if character not in _FULL_WIDTH:
                continue
            in_value = value is not None and index >= value.end()
            if in_value and character not in "｛［【　" and (flow is None or index < flow):
                continue
            if in_value and character in "｛［【　" and bare[value.end() : index].strip():  # type: ignore[union-attr]
                if flow is None or index < flow or character == "　":
                    continue
            wanted = _FULL_WIDTH[character]
            problems.append(
                Problem(
                    file,
                    number,
                    index + 1,
                    f"full-width character '{character}' cannot be used here",
                    f"write {wanted if len(wanted) > 1 else repr(wanted)}",
                )
            )
    return problems


_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INT = re.compile(r"[-+]?[0-9]{1,300}$")  # Python refuses to convert more than 4300 digits
_OCTAL_HEX = re.compile(r"0o[0-7]+$|0x[0-9a-fA-F]+$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_SPECIAL_FLOAT = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf")}


def _scalar(node: ScalarNode) -> Any:
    """YAML 1.2 core schema: `off`, `10:00` and `2026-01-01` are text."""
    text: str = node.value
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INT.match(text):
        return int(text)
    if _OCTAL_HEX.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    if text.lower() in _SPECIAL_FLOAT:
        return _SPECIAL_FLOAT[text.lower()]
    return text


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.keys: dict[Path, Origin] = {}
        self.values: dict[Path, Origin] = {}
        self.problems: list[Problem] = []

    def _origin(self, node: Node) -> Origin:
        mark = node.start_mark
        return Origin(self.file, mark.line + 1, mark.column + 1)

    def convert(self, node: Node, path: Path) -> Any:
        self.values[path] = self._origin(node)
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if isinstance(node, SequenceNode):
            return [self.convert(child, (*path, i)) for i, child in enumerate(node.value)]
        assert isinstance(node, MappingNode)
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            place = self._origin(key_node)
            if not isinstance(key_node, ScalarNode):
                self.problems.append(
                    Problem(self.file, place.line, place.column, "a key must be a plain word")
                )
                continue
            key = key_node.value
            here = (*path, key)
            if key in result:
                first = self.keys[here]
                self.problems.append(
                    Problem(
                        self.file,
                        place.line,
                        place.column,
                        f"'{key}' is already given on line {first.line}",
                        "remove one of the two",
                    )
                )
                continue
            self.keys[here] = place
            result[key] = self.convert(value_node, here)
        return result


def read(file: str, text: str) -> tuple[Document | None, list[Problem]]:
    """Parse one YAML 1.2 document.

    Returns the document (None if it cannot be parsed) and every problem found on the way:
    full-width punctuation first, then syntax or duplicate keys. Keys are always text.
    """
    problems = full_width(file, text)
    if problems:
        return None, problems
    yaml = YAML(typ="rt")
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        message = error.problem or error.context or "not valid YAML"
        hint = "a tab cannot indent; use spaces" if "\\t" in message or "'\t'" in message else ""
        return None, [Problem(file, line, column, message, hint)]
    except Exception as error:  # ruamel raises plain YAMLError and ValueError for odd characters
        before = text[: getattr(error, "position", None) or 0]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return None, [Problem(file, line, column, f"not valid YAML: {str(error).splitlines()[0]}")]
    if node is None:
        return Document(file, {}), []
    reader = _Reader(file)
    try:
        data = reader.convert(node, ())
    except RecursionError:
        return None, [Problem(file, 1, 1, "nested too deeply, or an alias contains itself")]
    return Document(file, data, reader.keys, reader.values), reader.problems


def suggestion(word: object, allowed: Iterable[str]) -> str:
    """`did you mean 'x'? allowed: …` for a word that is not one of `allowed`."""
    choices = sorted(set(allowed))
    near = difflib.get_close_matches(str(word), choices, n=1, cutoff=0.5)
    shown = ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
    listed = f"allowed: {shown}" if choices else "nothing is defined here"
    return f"did you mean '{near[0]}'? {listed}" if near else listed


M = TypeVar("M", bound=BaseModel)


def validate(
    model: type[M], document: Document, path: Path = (), data: Any = None
) -> tuple[M | None, list[Problem]]:
    """Validate the part of a document at `path` (or `data` in its place) against a model.

    Unknown keys, wrong types and missing keys each become one problem at their place.
    """
    value = document.data if data is None and not path else data
    if data is None and path:
        for step in path:
            value = value[step]
    try:
        return model.model_validate(value), []
    except ValidationError as error:
        return None, [_problem(model, document, path, dict(item)) for item in error.errors()]


def _problem(
    model: type[BaseModel], document: Document, base: Path, item: dict[str, Any]
) -> Problem:
    location: Sequence[str | int] = item["loc"]
    path = base
    for step in location:
        # pydantic puts union tags and "[key]" into loc; keep only steps that exist in the file
        if (*path, step) in document.values or (*path, step) in document.keys:
            path = (*path, step)
    kind = item["type"]
    if kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return document.problem(
            path, f"unknown key '{location[-1]}'", suggestion(location[-1], known), key=True
        )
    if kind == "missing":
        return document.problem(path, f"'{location[-1]}' is missing", "add it", key=True)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return document.problem(path, "keys with values belong here", "write 'key: value' lines")
    message = str(item["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    given = item.get("input")
    if isinstance(given, str | int | float | bool) and repr(given) not in message:
        message = f"{given!r}: {message}"
    hint = ""
    expected = item.get("ctx", {}).get("expected")
    if kind in ("literal_error", "enum") and expected:
        hint = suggestion(given, re.findall(r"'([^']+)'", str(expected)))
    return document.problem(path, message, hint, key=location[-1:] == ("[key]",))


def _fields_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The field names allowed at `location` inside `model`, for suggestions."""
    current: Any = model
    for step in location:
        current = _step(current, step)
    return [
        name
        for candidate in _models_in(current)
        for key, info in candidate.model_fields.items()
        for name in (info.alias or key,)
    ]


def _step(current: Any, step: str | int) -> Any:
    found: list[Any] = []
    for candidate in _models_in(current):
        for key, info in candidate.model_fields.items():
            if step in (key, info.alias):
                found.append(info.annotation)
    if found:
        return tuple(found)
    return current  # an index, a mapping key or a union tag: stay on the element types


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, tuple):
        return [model for part in annotation for model in _models_in(part)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)]
