"""Changes schedule files the way a careful person does: only the words that have to change.

`rewrite` takes the text and the data that the file is to hold. It finds what differs, replaces
the characters of just those values, and reads the result back. If that is not exactly the data
intended, nothing is done and people use the text editor. A file is never written from its data:
that moves comments, quotes and indents that nobody touched (measured with ruamel's round trip: 18
lines of an unedited file, and a neighbour's comment lost).
"""

from __future__ import annotations

from typing import Any

from bms.texts.messages import message_of, msg
from bms.texts.problems import Path, Problem
from bms.texts.yaml import emit
from bms.texts.yaml.difference import Edit, Insert, Remove, Rename, difference, same
from bms.texts.yaml.parsing import read
from bms.texts.yaml.spans import (
    LINE_END,
    Mapping,
    Node,
    NoSpan,
    Pair,
    Scalar,
    Sequence,
    after_gap,
    end_of,
    find,
    pair,
    root,
)

_BOM = "\ufeff"
_STEP = 2
"""Columns that a level is indented by where the file does not show it."""


class PatchRefused(ValueError):
    """The change cannot be made without touching more than it should; `problems` if the text
    cannot even be read."""

    def __init__(self, message: str, problems: list[Problem] | None = None) -> None:
        super().__init__(message)
        self.problems = problems or []


def rewrite(file: str, text: str, intended: Any) -> str:
    """The text changed so that it reads as `intended`, and otherwise as it was.

    Raises PatchRefused.
    """
    now = _read(file, text)
    for edit in difference(now, intended):
        text = _apply(file, text, edit)
    if not same(_read(file, text), intended):
        raise PatchRefused(
            msg("{file} is written in a way that only a text editor can change safely", file=file)
        )
    return text


# --- one edit of the text --------------------------------------------------------------------


def _read(file: str, text: str) -> Any:
    document, problems = read(file, text)
    if document is None or problems:
        raise PatchRefused(msg("{file} cannot be read as it is", file=file), problems)
    return document.data


def _apply(file: str, text: str, edit: Edit) -> str:
    """The text with one edit made. Raises PatchRefused."""
    lead = _BOM if text.startswith(_BOM) else ""
    body = text.removeprefix(_BOM)
    try:
        top = root(body)
        if top is None:
            raise PatchRefused(msg("{file} is empty", file=file))
        return lead + _Patch(body, top).apply(edit)
    except NoSpan as error:
        raise PatchRefused(
            msg("{file}: {reason}; change it in a text editor", file=file, reason=message_of(error))
        ) from None
    except (KeyError, ValueError, IndexError) as error:
        if isinstance(error, PatchRefused):
            raise
        raise PatchRefused(
            msg(
                "{file}: '{key}' cannot be changed here; use a text editor",
                file=file,
                key=error.args[0] if error.args else "",
            )
        ) from None


class _Patch:
    """One edit on one text whose tree is known."""

    def __init__(self, text: str, top: Node) -> None:
        self.text = text
        self.top = top
        found = LINE_END.search(text)
        self.newline = found[0] if found else "\n"

    def apply(self, edit: Edit) -> str:
        if not edit.path:
            raise PatchRefused(msg("the whole file is not one edit"))
        parent, step = find(self.top, edit.path[:-1]), edit.path[-1]
        if isinstance(edit, Rename):
            key = pair(_mapping(parent), step).key
            shown = emit.key if not _flow(parent) else emit.scalar
            word = shown(edit.word) if not key.style else emit.scalar(edit.word, key.style)
            return self._replace(key.start, key.end, word)
        if isinstance(edit, Remove):
            return self._remove(edit.path, parent, step)
        if isinstance(edit, Insert):
            return self._insert(parent, int(step), edit.value)
        if isinstance(parent, Mapping) and all(p.word != step for p in parent.pairs):
            return self._add(parent, str(step), edit.value, edit.after)
        return self._put(parent, step, edit.value)

    def _replace(self, start: int, end: int, text: str) -> str:
        return self.text[:start] + text + self.text[end:]

    # --- values ------------------------------------------------------------------------------

    def _put(self, parent: Node, step: str | int, value: Any) -> str:
        holder = pair(parent, step) if isinstance(parent, Mapping) else None
        node = holder.value if holder else find(parent, (step,))
        if isinstance(node, Scalar) and not node.empty:
            collection = isinstance(value, dict | list)
            written = emit.flow(value) if collection else emit.scalar(value, node.style)
            return self._replace(node.start, node.end, written)
        if isinstance(node, Scalar):
            if holder is None:
                dash = node.start if _flow(parent) else _dash(parent, int(step)) + 1
                return self._replace(dash, dash, f" {emit.flow(value)}")
            if holder.colon is None:
                return self._replace(holder.key.end, holder.key.end, f": {emit.flow(value)}")
            return self._after_colon(parent, holder, value)
        return self._replace(node.start, end_of(node), emit.flow(value))

    def _after_colon(self, parent: Node, holder: Pair, value: Any) -> str:
        assert holder.colon is not None
        at = holder.colon + 1
        if _flow(parent):
            return self._replace(at, at, f" {emit.flow(value)}")
        written = emit.block(value, self._column(holder.start), self._step(), self.newline)
        if written.startswith(" "):
            return self._replace(at, at, written)
        end = self._line_end(at)  # a comment on the key's line stays there
        return self._replace(end, end, written)

    # --- lists and keys: more ----------------------------------------------------------------

    def _insert(self, parent: Node, index: int, value: Any) -> str:
        if not isinstance(parent, Sequence):
            raise PatchRefused(msg("there is no list here"))
        if parent.flow:
            return self._insert_flow(parent.start, parent.items, index, emit.flow(value))
        line = f"- {emit.flow(value)}"
        if index == 0:
            return self._insert_first(parent.dashes[0], line)
        column = self._column(parent.dashes[0])
        before = parent.items[index - 1]
        end = end_of(before)
        if isinstance(before, Scalar) and before.empty:
            end = parent.dashes[index - 1] + 1
        return self._insert_line(end, column, line)

    def _add(self, parent: Mapping, word: str, value: Any, after: str | None) -> str:
        index = next((n + 1 for n, p in enumerate(parent.pairs) if p.word == after), 0)
        if after is not None and index == 0:
            index = len(parent.pairs)
        if parent.flow:
            written = f"{emit.scalar(word)}: {emit.flow(value)}"
            return self._insert_flow(parent.start, list(parent.pairs), index, written)
        column = self._column(parent.pairs[0].start)
        written = emit.key(word) + ":" + emit.block(value, column, self._step(), self.newline)
        if index == 0:
            return self._insert_first(parent.pairs[0].start, written)
        return self._insert_line(end_of(parent.pairs[index - 1]), column, written)

    def _insert_flow(
        self, opened: int, items: list[Node] | list[Pair], index: int, written: str
    ) -> str:
        if not items:
            return self._replace(opened + 1, opened + 1, written)
        near = items[min(index, len(items) - 1)]
        own_line = self._begins_line(near.start)
        lead = self.newline + self.text[self._line_start(near.start) : near.start]
        separator = "," + (lead if own_line else " ")
        if index < len(items):
            return self._replace(near.start, near.start, written + separator)
        end = end_of(near)
        return self._replace(end, end, separator + written)

    def _insert_line(self, after: int, column: int, written: str) -> str:
        """On a new line below the line on which `after` is."""
        end = self._line_end(after)
        return self._replace(end, end, self.newline + " " * column + written)

    def _insert_first(self, first: int, written: str) -> str:
        """On a new line above the first; comments right above that stay with it."""
        column = self._column(first)
        if not self._begins_line(first):
            return self._replace(first, first, written + self.newline + " " * column)
        at = self._line_start(first)
        while at > 0:
            above = self._line_start(at - len(self._break_before(at)))
            line = self.text[above:at].rstrip("\r\n")
            if not (
                line.lstrip(" ").startswith("#") and len(line) - len(line.lstrip(" ")) == column
            ):
                break
            at = above
        return self._replace(at, at, " " * column + written + self.newline)

    # --- lists and keys: less ----------------------------------------------------------------

    def _remove(self, path: Path, parent: Node, step: str | int) -> str:
        if isinstance(parent, Sequence):
            index = int(step)
            if parent.flow:
                return self._remove_flow(list(parent.items), index)
            starts, nodes = parent.dashes, list[Node | Pair](parent.items)
            empty = "[]"
        else:
            mapping = _mapping(parent)
            index = mapping.pairs.index(pair(mapping, step))
            if mapping.flow:
                return self._remove_flow(list(mapping.pairs), index)
            starts, nodes = [p.start for p in mapping.pairs], list[Node | Pair](mapping.pairs)
            empty = "{}"
        if len(starts) == 1:
            return self._remove_only(path[:-1], starts[0], nodes[0], empty)
        start, node = starts[index], nodes[index]
        end = start + 1 if isinstance(node, Scalar) and node.empty else end_of(node)
        if self._begins_line(start):
            return self._drop_lines(start, end)
        between = self.text[end : starts[index + 1]] if index + 1 < len(starts) else "#"
        if "#" in between:
            raise PatchRefused(msg("a comment stands between this and what would move up"))
        return self._replace(start, starts[index + 1], "")

    def _remove_only(self, path: Path, start: int, node: Node | Pair, empty: str) -> str:
        """The last child goes: its parent stays, empty."""
        holder = self._holder(path)
        end = start + 1 if isinstance(node, Scalar) and node.empty else end_of(node)
        if holder is None or holder.colon is None or not self._begins_line(start):
            return self._replace(start, end, empty)
        text = self._drop_lines(start, end)
        return f"{text[: holder.colon + 1]} {empty}{text[holder.colon + 1 :]}"

    def _holder(self, path: Path) -> Pair | None:
        """The pair in block style whose value is at `path`."""
        if not path:
            return None
        parent = find(self.top, path[:-1])
        if isinstance(parent, Mapping) and not parent.flow:
            return pair(parent, path[-1])
        return None

    def _drop_lines(self, start: int, end: int) -> str:
        """The lines from `start` to `end` without them, line end included."""
        first, last = self._line_start(start), self._line_end(end)
        found = LINE_END.match(self.text, last)
        if found:
            return self._replace(first, found.end(), "")
        return self._replace(first - len(self._break_before(first)), last, "")

    def _remove_flow(self, items: list[Node] | list[Pair], index: int) -> str:
        item = items[index]
        start, end = item.start, end_of(item)
        comma = after_gap(self.text, end)
        if self.text[comma : comma + 1] == ",":
            end = comma + 1
            line_end = self._line_end(end)
            if self._begins_line(start) and not self.text[end:line_end].split("#")[0].strip():
                return self._drop_lines(start, end)
            while self.text[end : end + 1] == " ":
                end += 1
            if self.text[end : end + 1] in ("", "\r", "\n"):
                while self.text[start - 1] == " ":
                    start -= 1
        elif index > 0:
            before = end_of(items[index - 1])
            comma = after_gap(self.text, before)
            if "#" not in self.text[comma:start]:
                start = comma
        return self._replace(start, end, "")

    # --- lines -------------------------------------------------------------------------------

    def _line_start(self, at: int) -> int:
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def _line_end(self, at: int) -> int:
        found = LINE_END.search(self.text, at)
        return found.start() if found else len(self.text)

    def _break_before(self, at: int) -> str:
        if self.text[at - 2 : at] == "\r\n":
            return "\r\n"
        return self.text[at - 1 : at] if self.text[at - 1 : at] in ("\r", "\n") else ""

    def _column(self, at: int) -> int:
        return at - self._line_start(at)

    def _begins_line(self, at: int) -> bool:
        return not self.text[self._line_start(at) : at].strip(" ")

    def _step(self) -> int:
        """Columns by which this file indents."""
        steps = [_STEP]
        if isinstance(self.top, Mapping) and not self.top.flow:
            for one in self.top.pairs:
                value = one.value
                if isinstance(value, Mapping) and not value.flow and value.pairs:
                    steps.append(self._column(value.pairs[0].start) - self._column(one.start))
        return steps[-1] if steps[-1] > 0 else _STEP


def _flow(node: Node) -> bool:
    return not isinstance(node, Scalar) and node.flow


def _mapping(node: Node) -> Mapping:
    if not isinstance(node, Mapping):
        raise PatchRefused(msg("there are no keys here"))
    return node


def _dash(node: Node, index: int) -> int:
    if not isinstance(node, Sequence) or node.flow:
        raise PatchRefused(msg("there is no list here"))
    return node.dashes[index]
