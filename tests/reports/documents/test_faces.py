"""The four faces of a report show the same figures, and nothing in them can do harm."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import openpyxl
import pytest

from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.csv_face import to_csv
from bms.reports.documents.document import Column, Figure, Kind, Row, Sum, Table, sum_of
from bms.reports.documents.html_face import to_html
from bms.reports.documents.json_face import to_json
from bms.reports.documents.sheet_names import SheetNames
from bms.reports.documents.spelling import number
from bms.reports.documents.xlsx_face import to_xlsx
from tests.reports.documents.samples import EVIL, sample

FACES = (to_html, to_xlsx, to_csv, to_json)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("face", FACES)
def test_the_same_report_has_the_same_bytes(face, language) -> None:  # type: ignore[no-untyped-def]
    assert face(sample(), language) == face(sample(), language)


def sheet(reason: str = ""):  # type: ignore[no-untyped-def]
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(sample(reason), "en")))
    values = openpyxl.load_workbook(io.BytesIO(to_xlsx(sample(reason), "en")), data_only=True)
    return book["Energy"], values["Energy"]


def test_totals_of_a_workbook_are_live_and_carry_their_value() -> None:
    formulas, values = sheet()
    head = next(row for row in formulas.iter_rows() if row[0].value == "Period")[0].row
    total = head + 3
    assert formulas.cell(total, 2).value == (
        f'=IF(COUNT(B{head + 1},B{head + 2})=2,SUM(B{head + 1},B{head + 2}),"—")'
    )
    assert values.cell(total, 2).value == 3000.5
    assert formulas.cell(total, 7).value == (
        f'=IF(IF(COUNT(B{total},C{total})=2,C{total}<>0,FALSE),B{total}*100/C{total}-100,"—")'
    )
    assert values.cell(total, 7).value == pytest.approx(87.53125)
    assert formulas.cell(head + 1, 4).value.endswith(f',B{head + 1}-C{head + 1},"—")')
    assert formulas.cell(total, 6).number_format == "#,##0.0000"
    assert formulas.freeze_panes == f"A{head + 1}"
    assert len(formulas._charts) == 1


def test_a_missing_figure_is_a_dash_with_its_reason_and_its_sum_is_no_number() -> None:
    formulas, values = sheet("gone")
    head = next(row for row in formulas.iter_rows() if row[0].value == "Period")[0].row
    assert values.cell(head + 2, 2).value == "—"
    assert values.cell(head + 3, 2).value == "—"
    assert "at least" not in str(values.cell(head + 3, 8).value)
    assert "between 2,100.0 and 2,400.5" in str(values.cell(head + 3, 8).value)
    made = json.loads(to_json(sample("gone"), "en"))
    rows = {row["key"]: row["cells"] for row in made["sections"][0]["parts"][1]["rows"]}
    assert rows["flat"]["kwh"]["value"] is None
    assert rows["all"]["kwh"] == {
        "value": None, "label": "missing", "reason": "1 of its parts is missing",
        "least": 2100, "most": 2400.5,
    }  # fmt: skip
    assert rows["flat"]["growth"]["value"] is None
    lines = list(csv.DictReader(io.StringIO(to_csv(sample("gone"), "en").decode("utf-8-sig"))))
    flat = next(line for line in lines if (line["row"], line["column"]) == ("flat", "kwh"))
    assert (flat["value"], flat["quality"], flat["most"]) == ("", "missing", "400.5")
    page = to_html(sample("gone"), "en").decode()
    assert "at least" not in page
    assert "between 2,100.0 and 2,400.5" in page
    assert re.search(r'class="n gone">—<sup>', page)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [name for name, _ in attrs if name in ("href", "src", "onload", "srcset")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_name_is_markup_and_the_page_asks_the_network_for_nothing(language: str) -> None:
    page = to_html(sample("gone"), language).decode()
    found = _Tags()
    found.feed(page)
    assert "script" not in found.tags
    assert found.links == []
    assert "@import" not in page
    assert "url(http" not in page


def test_no_text_of_a_csv_or_a_workbook_is_a_formula() -> None:
    for line in csv.reader(io.StringIO(to_csv(sample("gone"), "zh").decode("utf-8-sig"))):
        assert not any(item.startswith(("=", "+", "@", "\t")) for item in line)
    book = openpyxl.load_workbook(io.BytesIO(to_xlsx(sample("gone"), "zh")))
    texts = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    formulas = [str(cell.value) for cell in texts if cell.data_type == "f"]
    assert formulas
    assert all(formula.startswith("=IF(") for formula in formulas)
    assert not any(cell.hyperlink for cell in texts)
    assert any(cell.value == EVIL and cell.data_type == "s" for cell in texts)


def test_a_report_speaks_the_readers_language() -> None:
    assert "演示园区" in to_html(sample(), "zh").decode()
    assert "Demo park" in to_html(sample(), "en").decode()
    assert 'lang="zh-CN"' in to_html(sample(), "zh").decode()


def test_a_formula_that_leads_to_itself_is_no_table() -> None:
    rows = (Row("a", {}, sum_of("b")), Row("b", {}, sum_of("a")))
    with pytest.raises(ValueError, match="no figure"):
        worked_out(Table("t", (Column("x", "x", Kind.NUMBER),), rows))


def test_bounds_of_a_difference_go_the_other_way() -> None:
    rows = (
        Row("a", {"x": Figure(10)}),
        Row("b", {"x": Figure(None, least=2, most=5)}),
        Row("c", {}, Sum(((1, "a"), (-1, "b")))),
    )
    found = worked_out(Table("t", (Column("x", "x", Kind.NUMBER),), rows))[2][0]
    assert isinstance(found, Figure)
    assert (found.value, found.least, found.most) == (None, 5, 8)


@pytest.mark.parametrize(
    ("value", "decimals", "sign", "text"),
    [
        (0.5, 0, False, "1"), (2.5, 0, False, "3"), (-0.4, 0, True, "0"),
        (1234.56, 1, True, "+1,234.6"),
        (-1234.56, 1, False, "−1,234.6"),
    ],
)  # fmt: skip
def test_numbers_round_as_people_do(value: float, decimals: int, sign: bool, text: str) -> None:
    assert number(value, decimals, sign=sign) == text


def test_names_of_sheets_are_allowed_and_different() -> None:
    names = SheetNames()
    found = [
        names.new(text)
        for text in ("a/b:[c]*", "a b  c", "A B  C", "x" * 40, "x" * 40, "", "History")
    ]
    assert len({name.casefold() for name in found}) == len(found)
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in found)
    assert "history" not in [name.casefold() for name in found]
