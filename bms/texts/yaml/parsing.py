"""YAML 1.2 text into plain data that remembers where everything stood.

Problems come as `Problem` values, all of them, never as the first exception. Every value is
written out at one place: aliases, merge keys and tags are problems.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from bms.texts.messages import Message, msg
from bms.texts.problems import Document, Origin, Path, Problem, suggestion
from bms.texts.validation import validation_message
from bms.texts.yaml.core_schema import plain_value
from bms.texts.yaml.fullwidth import full_width
from bms.texts.yaml.libyaml import read_well_formed
from bms.texts.yaml.syntax import syntax_message, syntax_problem
from bms.texts.yaml.tabs import spaced

__all__ = ["full_width", "read", "validate"]

_LINE_END = re.compile(r"\r\n|\r|\n")  # YAML 1.2, 5.4; str.splitlines breaks at more
_DEEPEST = 50
"""Levels of nesting; a site file has about ten."""


class _TooDeepError(Exception):
    """Carries where the nesting became too deep."""

    def __init__(self, place: Origin) -> None:
        super().__init__(str(place))
        self.place = place


class _Reader:
    """Builds data from parser events, and notes the place of everything on the way."""

    def __init__(self, file: str, events: Iterator[Event]) -> None:
        self.file = file
        self.events = events
        self.keys: dict[Path, Origin] = {}
        self.values: dict[Path, Origin] = {}
        self.problems: list[Problem] = []

    def documents(self) -> tuple[Any, int]:
        """The data of the first document, and how many documents there are."""
        data: Any = None
        count = 0
        for event in self.events:
            if not isinstance(event, DocumentStartEvent):
                continue
            count += 1
            if count == 1:
                data = self._value(next(self.events), ())
            elif count == 2:
                self._problem(
                    self._origin(event),
                    msg("a second document begins here"),
                    msg("write one document per file, without '---'"),
                )
        return data, count

    def _origin(self, event: Event) -> Origin:
        return Origin(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _problem(self, place: Origin, message: Message, hint: str) -> None:
        self.problems.append(Problem(self.file, place.line, place.column, message, hint))

    def _value(self, event: Event, path: Path) -> Any:
        place = self._origin(event)
        if isinstance(event, ScalarEvent) and not event.style and not event.value:
            place = self.keys.get(path, place)  # the parser puts an empty value on a later line
        self.values[path] = place
        if isinstance(event, AliasEvent):
            self._problem(
                place,
                msg("an alias (*{anchor}) cannot be used here", anchor=event.anchor),
                msg("write the value out, or put text that begins with '*' in quotes"),
            )
            return None
        if getattr(event, "tag", None) is not None:
            self._problem(
                place,
                msg("a tag ('!') cannot be used here"),
                msg("leave it out, or quote the text"),
            )
        if isinstance(event, ScalarEvent):
            return self._scalar(event, place)
        if len(path) >= _DEEPEST:
            raise _TooDeepError(place)
        if isinstance(event, SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(event := next(self.events), SequenceEndEvent):
                items.append(self._value(event, (*path, len(items))))
            return items
        return self._mapping(path)

    def _scalar(self, event: ScalarEvent, place: Origin) -> Any:
        if event.style:
            return event.value
        value = plain_value(event.value)
        if isinstance(value, float) and not math.isfinite(value):
            shown = event.value if len(event.value) <= 20 else f"{event.value[:20]}…"
            self._problem(
                place,
                msg("{text} is not a finite number", text=shown),
                msg("write an ordinary number"),
            )
            return None
        return value

    def _mapping(self, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            place = self._origin(event)
            if not isinstance(event, ScalarEvent):
                self._problem(place, msg("a key must be a plain word"), msg("write 'key: value'"))
                self._skip(event)
            elif event.value == "<<" and not event.style:
                self._problem(
                    place, msg("a merge key (<<) cannot be used"), msg("write the keys out")
                )
            elif event.value in result:
                first = self.keys[(*path, event.value)]
                self._problem(
                    place,
                    msg(
                        "'{key}' is already given on line {line}",
                        key=event.value,
                        line=first.line,
                    ),
                    msg("remove one of the two"),
                )
            else:
                here = (*path, event.value)
                self.keys[here] = place
                result[event.value] = None  # seen, even if its value cannot be read
                result[event.value] = self._value(next(self.events), here)
                continue
            self._skip(next(self.events))
        return result

    def _skip(self, event: Event) -> None:
        depth = 0
        while True:
            if isinstance(event, SequenceStartEvent | MappingStartEvent):
                depth += 1
            elif isinstance(event, SequenceEndEvent | MappingEndEvent):
                depth -= 1
            if depth == 0:
                return
            event = next(self.events)


def read(file: str, text: str) -> tuple[Document | None, list[Problem]]:
    """Parse one YAML 1.2 document.

    Returns the document (None if it cannot be parsed) and every problem found on the way:
    full-width punctuation first, then syntax, or duplicate keys and what is not supported. Keys
    are always text. A file without any content is an empty mapping.
    """
    text = text.removeprefix("\ufeff")
    problems = full_width(file, text)
    if problems:
        return None, problems
    text = spaced(text)
    document = read_well_formed(file, text)
    if document is not None:
        return document, []
    return read_and_diagnose(file, text)


def read_and_diagnose(file: str, text: str) -> tuple[Document | None, list[Problem]]:
    """The same by ruamel, without a byte order mark and full-width punctuation: for any YAML."""
    # Events, not nodes: composing nodes takes half as long again and recurses without bound.
    reader = _Reader(file, YAML(typ="safe", pure=True).parse(text))
    try:
        data, documents = reader.documents()
    except MarkedYAMLError as error:
        return None, [syntax_problem(file, error)]
    except _TooDeepError as error:
        place = error.place
        message = msg("nested more than {deepest} levels deep", deepest=_DEEPEST)
        return None, [
            Problem(file, place.line, place.column, message, msg("close brackets earlier"))
        ]
    except (YAMLError, ValueError, OverflowError) as error:  # excluded characters, bad escapes
        before = _LINE_END.split(text[: getattr(error, "position", 0)])
        message = msg("not valid YAML: {cause}", cause=syntax_message(str(error).splitlines()[0]))
        return None, [Problem(file, len(before), len(before[-1]) + 1, message)]
    if documents == 0:
        return Document(file, {}), []
    return Document(file, data, reader.keys, reader.values), reader.problems


M = TypeVar("M", bound=BaseModel)


def validate(
    model: type[M], document: Document, path: Path = (), data: Any = None
) -> tuple[M | None, list[Problem]]:
    """Validate the part of a document at `path` (or `data` in its place) against a model.

    Unknown keys, wrong types and missing keys each become one problem at their place.
    """
    value = data
    if value is None:
        value = document.data
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
    at_key = location[-1:] == ("[key]",)
    path = base
    for step in location:
        # pydantic puts union tags and "[key]" into loc; keep only steps that exist in the file
        if (*path, step) in document.values or (*path, step) in document.keys:
            path = (*path, step)
    kind = item["type"]
    context = item.get("ctx", {})
    given = item.get("input")
    if kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return document.problem(
            path,
            msg("unknown key '{name}'", name=location[-1]),
            suggestion(location[-1], known),
            key=True,
        )
    if kind in ("missing", "union_tag_not_found"):
        name = location[-1] if kind == "missing" else context["discriminator"].strip("'")
        choices = ", ".join(_choices_at(model, location))
        way = msg("add it: {choices}", choices=choices) if choices else msg("add it")
        return document.problem(path, msg("'{name}' is missing", name=name), way, key=True)
    if kind == "union_tag_invalid":
        name, tag = context["discriminator"].strip("'"), context["tag"]
        allowed = re.findall(r"'([^']+)'", context["expected_tags"])
        return document.problem(
            (*path, name),
            msg("unknown {key} '{text}'", key=name, text=tag),
            suggestion(tag, allowed),
        )
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return document.problem(
            path, msg("keys with values belong here"), msg("write 'key: value' lines")
        )
    if kind == "string_pattern_mismatch":
        refused = msg("'{given}' is not allowed here", given=given)
        match = msg("it has to match {pattern}", pattern=context["pattern"])
        return document.problem(path, refused, match, key=at_key)
    message = validation_message(item)
    if isinstance(given, str | int | float | bool) and repr(given) not in message:
        message = msg("{given!r}: {message}", given=given, message=message)
    hint = ""
    if kind in ("literal_error", "enum") and context.get("expected"):
        hint = suggestion(given, re.findall(r"'([^']+)'", str(context["expected"])))
    return document.problem(path, message, hint, key=at_key)


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


def _choices_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The words that may stand at `location`, as they are written; none if any value may."""
    current: Any = model
    for step in location[:-1]:
        current = _step(current, step)
    found = [
        info.annotation
        for candidate in _models_in(current)
        for name, info in candidate.model_fields.items()
        if location[-1] in (name, info.alias)
    ]
    return list(dict.fromkeys(word for annotation in found for word in _words_in(annotation)))


def _words_in(annotation: Any) -> list[str]:
    if annotation is bool:
        return ["true", "false"]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(choice.value) for choice in annotation]
    if get_origin(annotation) is Literal:
        return [str(choice) for choice in get_args(annotation)]
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return [word for part in get_args(annotation) for word in _words_in(part)]
    return []


def _step(current: Any, step: str | int) -> Any:
    models = _models_in(current)
    found = [
        info.annotation
        for candidate in models
        for key, info in candidate.model_fields.items()
        if step in (key, info.alias)
    ]
    tagged = [candidate for candidate in models if _has_tag(candidate, step)]
    # an index, the key of a dict or a union's tag: stay on the element types
    return tuple(found or tagged) or current


def _has_tag(model: type[BaseModel], step: str | int) -> bool:
    return any(
        get_origin(info.annotation) is Literal and step in get_args(info.annotation)
        for info in model.model_fields.values()
    )


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, tuple):
        return [model for part in annotation for model in _models_in(part)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in getattr(annotation, "__args__", ()) for m in _models_in(part)]
