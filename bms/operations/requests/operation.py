"""The shape of every request, answer and operation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    model_validator,
)

from bms.core.errors import InvalidInput
from bms.texts.clean import MOST_CHARACTERS, clean
from bms.texts.field import AS_TEXT
from bms.texts.messages import Message, msg

Value: TypeAlias = bool | int | float | str
"""A point's value."""

Given: TypeAlias = Annotated[str, Field(min_length=1)]
"""A text that must be given."""

LocalTime: TypeAlias = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""An instant in ISO form with the offset of the zone that it is read in."""


class Request(BaseModel):
    """What one person asks, once. Fields that this version does not know are left alone.

    Every text in it is cleaned before anything looks at it: what people ask stands on other
    people's screens, in the log, the audit and in files.

    Models are built when they are first used: a command pays for those that it asks for alone.
    """

    model_config = ConfigDict(
        frozen=True,
        defer_build=True,
        populate_by_name=True,
        serialize_by_alias=True,
    )

    whole: ClassVar[frozenset[str]] = frozenset()
    """Fields that hold the text of a file, which is checked as one."""

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {
            name: value if name in cls.whole else _cleaned(value) for name, value in given.items()
        }


def _cleaned(given: Any) -> Any:
    """The same with every text in it clean."""
    if isinstance(given, str):
        # What had nothing but such characters in it was given, and says nothing.
        return given if given.isprintable() else clean(given, None) or " "
    if isinstance(given, dict):
        return {_cleaned(name): _cleaned(value) for name, value in given.items()}
    if isinstance(given, list | tuple):
        return [_cleaned(one) for one in given]
    return given


class Answer(BaseModel):
    """What is answered, as plain values and messages."""

    model_config = ConfigDict(
        frozen=True, defer_build=True, populate_by_name=True, serialize_by_alias=True
    )

    leaves_out: ClassVar[bool] = False
    """Whether it is told without the fields that it was not given, instead of with defaults."""

    def shown(self) -> Any:
        """For screens: plain values by name, messages as such."""
        return self.model_dump(exclude_unset=self.leaves_out)

    def plain(self) -> Any:
        """For programs: JSON values, messages as their English text."""
        return self.model_dump(mode="json", context={AS_TEXT: True}, exclude_unset=self.leaves_out)


class Trial(Request):
    """A change that can be tried first: `dry_run` answers with what it would do."""

    dry_run: bool = False


Root = TypeVar("Root")


class Told(RootModel[Root], Generic[Root]):
    """An answer that is no mapping of names: a list, or one of several answers."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    leaves_out: ClassVar[bool] = False
    """See `Answer.leaves_out`."""

    def shown(self) -> Any:
        """See `Answer.shown`."""
        return self.model_dump(by_alias=True, exclude_unset=self.leaves_out)

    def plain(self) -> Any:
        """See `Answer.plain`."""
        return self.model_dump(
            mode="json",
            by_alias=True,
            context={AS_TEXT: True},
            exclude_unset=self.leaves_out,
        )


Item = TypeVar("Item")


class Rows(Told[tuple[Item, ...]], Generic[Item]):
    """An answer that is a list."""


Q_co = TypeVar("Q_co", bound=Request, covariant=True)
A_co = TypeVar("A_co", bound=BaseModel, covariant=True)


ON_FILES_S = 120.0
"""How long what works on the files of a site may take: a large one is checked with all others."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[Q_co, A_co]):
    """One thing that may be asked, by its name on the socket."""

    name: str
    request: type[Q_co]
    answer: type[A_co]
    changes: bool = False
    """Whether it changes something: who gives up waiting for it must look before asking again."""
    body: str = ""
    """The field that holds a file, which is sent as its bytes behind the request."""
    within_s: float | None = None
    """How long an answer may take; None for as long as any."""


def on_files(
    name: str, request: type[Q_co], answer: type[A_co], *, body: str = ""
) -> Operation[Q_co, A_co]:
    """A change of files or of the ledger: made by the running controller, and where none runs by
    whoever owns the state directory."""
    return Operation(name, request, answer, changes=True, body=body, within_s=ON_FILES_S)


@dataclass(frozen=True, slots=True)
class Served:
    """An operation with what carries it out: called with a request of it and the name of the
    local user who asks. Raises BmsError."""

    operation: Operation[Request, BaseModel]
    carry_out: Callable[[Request, str], Awaitable[BaseModel]]


def request_of(operation: Operation[Q_co, BaseModel], args: Mapping[str, Any]) -> Q_co:
    """The request that was sent. Raises InvalidInput, naming the argument that is wrong."""
    for name, value in args.items():
        if _longest(value) > MOST_CHARACTERS:
            raise InvalidInput(
                msg("'{name}' is at most {limit} characters long", name=name, limit=MOST_CHARACTERS)
            )
    try:
        return operation.request.model_validate(args)
    except ValidationError as error:
        raise invalid(error) from None


def _longest(value: Any) -> int:
    """Characters of the longest text in it."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return max(map(_longest, [*value, *value.values()]), default=0)
    if isinstance(value, list):
        return max(map(_longest, value), default=0)
    return 0


def invalid(error: ValidationError) -> InvalidInput:
    """What is wrong with the arguments of a request, in our words."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return InvalidInput(_wrong(wrong["type"], [*map(str, wrong["loc"])], wrong["msg"]))


def _wrong(kind: str, place: list[str], words: str) -> Message:
    name = ".".join(place)
    if kind in ("missing", "string_too_short"):
        return msg("'{name}' is missing", name=name)
    if kind == "string_type":
        return msg("'{name}' is a text", name=name)
    if kind == "float_type":
        return msg("'{name}' is a number", name=name)
    return msg("'{name}' is not what is taken here: {cause}", name=name, cause=words)
