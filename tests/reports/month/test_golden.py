"""Each face of the month's sheet is what it was when somebody last looked at it.

After a change that is meant: `BMS_GOLDEN=write pytest tests/reports/month/test_golden.py`, and
look at what changed.
"""

from __future__ import annotations

import io
import os
import re
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from bms.ledger.up_to_date import open_ledger
from bms.reports.documents.csv_face import to_csv
from bms.reports.documents.document import Document
from bms.reports.documents.html_face import to_html
from bms.reports.documents.json_face import to_json
from bms.reports.documents.xlsx_face import to_xlsx
from bms.reports.month.gathering import gather
from bms.reports.month.month_sheet import month_sheet
from tests.reports.month.month_sites import march

GOLDEN = Path(__file__).with_name("golden")
NOW = datetime(2026, 4, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    site = march(tmp_path_factory.mktemp("golden"))
    with open_ledger(site, site.state_dir, NOW) as ledger:
        data = gather(site, site.bases["plant"], ledger, date(2026, 3, 1), NOW)
        return month_sheet(data, "1.0")


def html(document: Document) -> str:
    """Without its style, a tag a line."""
    page = to_html(document, "en").decode()
    return re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL).replace("><", ">\n<")


def xlsx(document: Document) -> str:
    """Every cell with its formula, its value and its format."""
    data = to_xlsx(document, "en")
    formulas = openpyxl.load_workbook(io.BytesIO(data))
    values = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    lines = []
    for sheet in formulas:
        charts = len(getattr(sheet, "_charts", ()))
        lines.append(f"# {sheet.title} {sheet.freeze_panes or ''} charts: {charts}")
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None:
                    shown = values[sheet.title][cell.coordinate].value
                    told = "" if shown == cell.value else f" -> {shown}"
                    lines.append(f"{cell.coordinate} {cell.number_format}: {cell.value}{told}")
    return "\n".join(lines) + "\n"


def csv(document: Document) -> str:
    return to_csv(document, "en").decode("utf-8-sig").replace("\r\n", "\n")


def json(document: Document) -> str:
    return to_json(document, "en").decode()


@pytest.mark.parametrize("face", [html, xlsx, csv, json], ids=lambda face: face.__name__)
def test_a_face_is_what_it_was(document: Document, face) -> None:  # type: ignore[no-untyped-def]
    path = GOLDEN / f"month.{face.__name__}.txt"
    found = face(document)
    if os.environ.get("BMS_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")
