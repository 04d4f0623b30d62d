"""A report as one HTML page that needs nothing else: to read, to print, to sign."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from html import escape

from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.document import (
    Blank,
    Cell,
    Column,
    Document,
    Figure,
    Headlines,
    Kind,
    Lines,
    Part,
    Receipt,
    Row,
    Section,
    Table,
    Text,
)
from bms.reports.documents.html_style import STYLE
from bms.reports.documents.spelling import Remarks, cell_text, figure, remark, spoken
from bms.reports.pictures.svg import svg
from bms.texts.language import say, speaking

_TAGS = {"en": "en", "zh": "zh-CN"}


def to_html(document: Document, language: str) -> bytes:
    """The page, in UTF-8."""
    with speaking(language):
        return "\n".join(_page(document, _TAGS[language])).encode()


def _said(text: Text) -> str:
    return escape(spoken(text))


def _page(document: Document, tag: str) -> Iterator[str]:
    title, name = _said(document.title), _said(document.subject)
    yield f'<!doctype html>\n<html lang="{tag}">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    # A page of ours loads nothing: whatever a name smuggled in could not either.
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield f"<title>{name} · {title} · {escape(document.period)}</title>"
    yield f"<style>{STYLE}</style>\n</head>\n<body>"
    yield f"<header><h1>{name} · {title}</h1><p>{_under_title(document)}</p>"
    yield f'<p class="answer">{_said(document.answer)}</p>'
    if document.changes:
        yield f'<div class="changes">{escape(say("Changed since the issue before:"))}<ul>'
        yield "".join(f"<li>{_said(change)}</li>" for change in document.changes)
        yield "</ul></div>"
    yield "</header>"
    for section in document.sections:
        yield from _section(section)
    if document.signatures:
        yield f"<section><h2>{escape(say('Signatures'))}</h2>"
        yield '<div class="sign">'
        for role in document.signatures:
            yield (
                f"<div><span>{_said(role)}</span><i></i>"
                f"<small>{escape(say('Name, date'))}</small></div>"
            )
        yield "</div></section>"
    yield from _receipt(document.receipt)
    yield "</body>\n</html>\n"


def _under_title(document: Document) -> str:
    last = document.end - timedelta(minutes=1)
    period = say(
        "{first:%Y-%m-%d} to {last:%Y-%m-%d}", first=document.start.date(), last=last.date()
    )
    issue = say("issue {number}", number=document.issue)
    return " · ".join((_said(document.site), escape(period), escape(issue)))


def _section(section: Section) -> Iterator[str]:
    detail = f"<span>{_said(section.detail)}</span>" if section.detail else ""
    yield f'<section id="{escape(section.key)}"><h2>{_said(section.title)}{detail}</h2>'
    for part in section.parts:
        yield from _part(part)
    yield "</section>"


def _part(part: Part) -> Iterator[str]:
    if isinstance(part, Table):
        yield from _table(part)
    elif isinstance(part, Headlines):
        yield from _headlines(part)
    elif isinstance(part, Lines):
        for sentence in part.sentences:
            said = _said(sentence)
            yield f"<h3>{said}</h3>" if part.heading else f'<p class="line">{said}</p>'
    elif isinstance(part, Blank):
        yield f'<div class="blank">{"<div></div>" * part.lines}</div>'
    else:
        yield f"<figure>{svg(part)}</figure>"


def _headlines(part: Headlines) -> Iterator[str]:
    remarks = Remarks()
    yield '<div class="heads">'
    for item in part.figures:
        number = remarks.numbered(remark(item.figure, item.decimals, item.unit))
        shown = escape(figure(item.figure, item.decimals, sign=item.sign))
        yield (
            f"<div><span>{_said(item.title)}</span><b>{shown}{_sup(number)}"
            f"<i>{_said(item.unit)}</i></b><small>{_said(item.detail)}</small></div>"
        )
    yield "</div>"
    yield from _remarks(remarks, ())


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"<h3>{_said(table.title)}</h3>"
    if not table.rows and table.empty:
        yield f'<p class="line">{_said(table.empty)}</p>'
        yield from _remarks(Remarks(), table.notes)
        return
    remarks = Remarks()
    yield "<table><thead><tr>"
    yield "".join(f"<th{_class(column)}>{_heading(column)}</th>" for column in table.columns)
    yield "</tr></thead><tbody>"
    for row, cells in zip(table.rows, worked_out(table), strict=True):
        yield _row(row, list(zip(table.columns, cells, strict=True)), remarks)
    yield "</tbody></table>"
    yield from _remarks(remarks, table.notes)


def _heading(column: Column) -> str:
    unit = _said(column.unit)
    return f"{_said(column.title)}{f', {unit}' if unit else ''}"


def _class(column: Column, *, gone: bool = False) -> str:
    names = []
    if column.numeric:
        names.append("n")
    elif column.kind in (Kind.DAY, Kind.MOMENT):
        names.append("t")
    if gone:
        names.append("gone")
    return f' class="{" ".join(names)}"' if names else ""


def _row(row: Row, cells: list[tuple[Column, Cell]], remarks: Remarks) -> str:
    names = [name for name, on in (("total", row.total), ("marked", row.marked)) if on]
    made = [f'<tr class="{" ".join(names)}">' if names else "<tr>"]
    for place, (column, cell) in enumerate(cells):
        gone = isinstance(cell, Figure) and cell.value is None
        inset = f' style="padding-left:{16 * row.depth}px"' if row.depth and not place else ""
        text = escape(cell_text(cell, column))
        number = remarks.of(cell, column)
        made.append(f"<td{_class(column, gone=gone)}{inset}>{text}{_sup(number)}</td>")
    return "".join([*made, "</tr>"])


def _sup(number: int | None) -> str:
    return "" if number is None else f"<sup>{number}</sup>"


def _remarks(remarks: Remarks, notes: tuple[Text, ...]) -> Iterator[str]:
    lines = [f"<li>{_sup(number)}{escape(text)}</li>" for number, text in remarks]
    lines += [f"<li>{_said(note)}</li>" for note in notes]
    if lines:
        yield f'<ul class="notes">{"".join(lines)}</ul>'


def _receipt(receipt: Receipt) -> Iterator[str]:
    yield f'<section class="receipt"><h2>{escape(say("What the figures stand on"))}</h2><dl>'
    for title, text in receipt_lines(receipt):
        yield f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>"
    yield "</dl></section>"


def receipt_lines(receipt: Receipt) -> list[tuple[str, str]]:
    """The receipt as titled lines, in the language that is spoken."""
    lines = [
        (say("Version"), receipt.code),
        (say("Data"), receipt.data),
        (say("Site files"), receipt.files),
        (say("Meters"), ", ".join(receipt.meters)),
        (say("Tariffs and factors"), ", ".join(receipt.factors)),
        (say("Model"), spoken(receipt.model)),
        *((say("Assumption"), spoken(text)) for text in receipt.assumptions),
    ]
    return [(title, text) for title, text in lines if text]
