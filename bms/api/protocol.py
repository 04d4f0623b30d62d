"""The local API: one JSON object per line over a Unix socket, one answer per request.

Request: `{"op": "status", "args": {...}}`. Answer: `{"ok": ...}` or
`{"error": {"kind": "refused", "message": ..., "problems": [...]}}`. What each operation takes and
answers is in the models of `bms.operations.requests`; `bms api schema` prints them. A file that
belongs to a request follows behind its line: `"body": 1234` says how many bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field, JsonValue
from pydantic.json_schema import models_json_schema

from bms.core.errors import BmsError, InvalidInput, Refused, Silent, Unfinished
from bms.operations.requests.operation import Answer, Operation, Request
from bms.texts.field import Words
from bms.texts.messages import message_of, quoted
from bms.texts.problems import Problem

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest answer: 5,000 points with details are about 1 MB."""

REQUEST_LIMIT = 64 * 1024
"""Bytes of the longest request; a reason is the longest thing in one."""

BODY_LIMIT = 50_000_000
"""Bytes of the longest file that is sent with a request."""

_KINDS: Mapping[str, type[BmsError]] = {
    "invalid": InvalidInput,
    "refused": Refused,
    "unfinished": Unfinished,
    "silent": Silent,
    "failed": BmsError,
}


class Asked(Request):
    """A request as it is sent."""

    op: str
    args: dict[str, JsonValue] = Field(default_factory=dict)
    body: int = Field(default=0, ge=0, le=BODY_LIMIT)
    """How many bytes of a file follow behind the line."""
    says: str | None = None
    """Who is behind root, as `sudo` says it: a hint for the audit, never a right."""


class ProblemSent(Answer):
    """One thing wrong at one place."""

    file: str
    line: int
    column: int
    message: Words
    hint: Words = ""


class ErrorSent(Answer):
    """Why a request was not carried out."""

    kind: str
    """`invalid`, `refused`, `unfinished`, `silent`, `failed`; of any other, read `failed`."""
    message: Words
    problems: tuple[ProblemSent, ...] = ()


class Failed(Answer):
    """The answer in the place of the one that was asked for."""

    error: ErrorSent


def error_sent(error: BmsError) -> ErrorSent:
    """An error as it is sent; a class without a kind is `failed`."""
    kind = next((name for name, cls in _KINDS.items() if isinstance(error, cls)), "failed")
    problems = error.problems if isinstance(error, InvalidInput) else ()
    return ErrorSent(
        kind=kind,
        message=message_of(error),
        problems=tuple(
            ProblemSent(file=p.file, line=p.line, column=p.column, message=p.message, hint=p.hint)
            for p in problems
        ),
    )


def error_received(sent: ErrorSent) -> BmsError:
    """The error that was sent, to be raised here."""
    cls = _KINDS.get(sent.kind, BmsError)
    if cls is InvalidInput:
        problems = [
            Problem(p.file, p.line, p.column, quoted(p.message), p.hint) for p in sent.problems
        ]
        return InvalidInput(quoted(sent.message), problems)
    return cls(quoted(sent.message))


def schema(operations: Sequence[Operation[Request, BaseModel]]) -> dict[str, JsonValue]:
    """What each operation takes and answers, as one JSON schema: `{"operations": {name: {changes,
    request, answer}}, "error": ..., "$defs": ...}`."""
    models: list[type[BaseModel]] = [Failed]
    for operation in operations:
        models += [operation.request, operation.answer]
    for model in models:
        model.model_rebuild()
    refs, defs = models_json_schema([(model, "validation") for model in dict.fromkeys(models)])
    return {
        "operations": {
            operation.name: {
                "changes": operation.changes,
                "request": refs[operation.request, "validation"],
                "answer": refs[operation.answer, "validation"],
            }
            for operation in operations
        },
        "error": refs[Failed, "validation"],
        **defs,
    }
