"""Files of readings as loggers, utilities and people write them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl


def quarter_hours(
    day: datetime, count: int, line: Callable[[int, datetime], str], step_min: int = 15
) -> str:
    """`count` lines, each made from its number and the start of its interval."""
    return "".join(line(n, day + timedelta(minutes=step_min * n)) + "\n" for n in range(count))


def nem12(values: Sequence[str], *, quality: str = "A", step: int = 15, unit: str = "KWH") -> str:
    """One day of one channel."""
    return (
        "100,NEM12,202603040000,MDA1,Ret1\n"
        f"200,6123456789,E1Q1,1,E1,N1,METSER123,{unit},{step},\n"
        f"300,20260302,{','.join(values)},{quality},,,20260303010101,\n"
        "900\n"
    )


ESPI = "http://naesb.org/espi"


def green_button(readings: str, *, uom: int = 72, multiplier: int = 0, extra: str = "") -> str:
    """A feed of one usage point with one meter reading."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="{ESPI}">
  <id>urn:uuid:7BC41774-7190-4864-841C-861AC76D46C2</id><title>Green Button Usage Feed</title>
  <entry>
    <link rel="self" href="RetailCustomer/9b6/UsagePoint/01"/>
    <link rel="related" href="RetailCustomer/9b6/UsagePoint/01/MeterReading"/>
    <title>Hall A</title>
    <content><espi:UsagePoint><espi:ServiceCategory><espi:kind>0</espi:kind>
    </espi:ServiceCategory></espi:UsagePoint></content>
  </entry>
  <entry>
    <link rel="self" href="RetailCustomer/9b6/UsagePoint/01/MeterReading/01"/>
    <link rel="up" href="RetailCustomer/9b6/UsagePoint/01/MeterReading"/>
    <link rel="related" href="ReadingType/07"/>
    <title>Quarter-hourly</title>
    <content><espi:MeterReading/></content>
  </entry>
  <entry>
    <link rel="self" href="ReadingType/07"/>
    <title>Type of Meter Reading Data</title>
    <content><espi:ReadingType>
      <espi:accumulationBehaviour>4</espi:accumulationBehaviour>
      <espi:commodity>1</espi:commodity><espi:flowDirection>1</espi:flowDirection>
      <espi:intervalLength>900</espi:intervalLength><espi:kind>12</espi:kind>
      <espi:powerOfTenMultiplier>{multiplier}</espi:powerOfTenMultiplier>
      <espi:uom>{uom}</espi:uom>
    </espi:ReadingType></content>
  </entry>
  <entry>
    <link rel="self" href="RetailCustomer/9b6/UsagePoint/01/MeterReading/01/IntervalBlock/0173"/>
    <link rel="up" href="RetailCustomer/9b6/UsagePoint/01/MeterReading/01/IntervalBlock"/>
    <content><espi:IntervalBlock>
      <espi:interval><espi:duration>86400</espi:duration><espi:start>1772380800</espi:start>
      </espi:interval>{readings}
    </espi:IntervalBlock></content>
  </entry>{extra}
</feed>"""


def espi_reading(start: int, value: int, *, duration: int = 900, quality: int | None = None) -> str:
    said = "" if quality is None else (
        f"<espi:ReadingQuality><espi:quality>{quality}</espi:quality></espi:ReadingQuality>"
    )  # fmt: skip
    return (
        f"<espi:IntervalReading>{said}<espi:timePeriod><espi:duration>{duration}</espi:duration>"
        f"<espi:start>{start}</espi:start></espi:timePeriod><espi:value>{value}</espi:value>"
        "</espi:IntervalReading>"
    )


def workbook(
    sheets: dict[str, Sequence[Sequence[object]]], formats: dict[str, str] | None = None
) -> bytes:
    """A workbook as another program writes it; `formats` are number formats by column letter."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([*row])
        for letter, code in (formats or {}).items():
            for cell in sheet[letter]:
                cell.number_format = code
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def put(directory: Path, body: str | bytes, name: str = "readings.csv") -> Path:
    path = directory / name
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path
