"""Every face of a report by the name of its format: a document and a language into bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from bms.reports.documents.csv_face import to_csv
from bms.reports.documents.document import Document
from bms.reports.documents.html_face import to_html
from bms.reports.documents.json_face import to_json
from bms.reports.documents.xlsx_face import to_xlsx

Face: TypeAlias = Callable[[Document, str], bytes]

FACES: Final[Mapping[str, Face]] = {
    "html": to_html,
    "xlsx": to_xlsx,
    "csv": to_csv,
    "json": to_json,
}
