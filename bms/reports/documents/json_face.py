"""A report as JSON: keys never change, texts are said, a missing figure is null with its reason."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.document import (
    Blank,
    Cell,
    Document,
    Figure,
    Headlines,
    Lines,
    Part,
    Receipt,
    Table,
)
from bms.reports.documents.spelling import plain, said_all, spoken
from bms.texts.clean import escaped
from bms.texts.language import speaking

FORMAT = 1


def to_json(document: Document, language: str) -> bytes:
    """The whole report but its pictures, which show what the tables say."""
    with speaking(language):
        made = json.dumps(plain_document(document), ensure_ascii=False, indent=1)
    return f"{escaped(made)}\n".encode()


def plain_document(document: Document) -> dict[str, Any]:
    """A report as plain values, in the language that is spoken."""
    return {
        "format": FORMAT,
        "kind": document.kind,
        "title": spoken(document.title),
        "site": document.site.key,
        "subject": document.subject.key,
        "name": spoken(document.subject),
        "period": document.period,
        "from": document.start.isoformat(timespec="minutes"),
        "to": document.end.isoformat(timespec="minutes"),
        "issue": document.issue,
        "changes": said_all(document.changes),
        "answer": spoken(document.answer),
        "sections": [
            {
                "key": section.key,
                "title": spoken(section.title),
                "parts": [made for part in section.parts if (made := _part(part)) is not None],
            }
            for section in document.sections
        ],
        "receipt": plain_receipt(document.receipt),
        "signatures": said_all(document.signatures),
    }


def plain_receipt(receipt: Receipt) -> dict[str, Any]:
    """What the figures stand on."""
    return {
        "code": receipt.code,
        "data": receipt.data,
        "files": receipt.files,
        "meters": list(receipt.meters),
        "factors": list(receipt.factors),
        "model": spoken(receipt.model),
        "assumptions": said_all(receipt.assumptions),
    }


def _part(part: Part) -> dict[str, Any] | None:
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, Headlines):
        return {
            "figures": [
                {
                    "key": item.key,
                    "title": spoken(item.title),
                    "unit": spoken(item.unit),
                    **_figure(item.figure),
                    "detail": spoken(item.detail),
                }
                for item in part.figures
            ]
        }
    if isinstance(part, Lines):
        return {"lines": said_all(part.sentences)}
    if isinstance(part, Blank):
        return None
    return {"picture": part.key, "says": spoken(part.says)}


def _table(table: Table) -> dict[str, Any]:
    return {
        "table": table.key,
        "title": spoken(table.title),
        "columns": [
            {
                "key": column.key,
                "title": spoken(column.title),
                "kind": column.kind.value,
                "unit": spoken(column.unit),
                "decimals": column.decimals,
            }
            for column in table.columns
        ],
        "rows": [
            {
                "key": row.key,
                "total": row.total,
                "cells": {
                    column.key: _cell(cell)
                    for column, cell in zip(table.columns, cells, strict=True)
                    if cell is not None
                },
            }
            for row, cells in zip(table.rows, worked_out(table), strict=True)
        ],
        "notes": said_all(table.notes),
    }


def _cell(cell: Cell) -> Any:
    if isinstance(cell, Figure):
        return _figure(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return None if cell is None else spoken(cell)


def _figure(figure: Figure) -> dict[str, Any]:
    made: dict[str, Any] = {
        "value": None if figure.value is None else plain(figure.value),
        "label": figure.label.value,
    }
    if figure.reason:
        made["reason"] = spoken(figure.reason)
    for name, bound in (("least", figure.least), ("most", figure.most)):
        if bound is not None:
            made[name] = plain(bound)
    return made
