"""What headers call their columns, in the languages of loggers and utilities."""

from __future__ import annotations

import re
from typing import Final

OUR_COLUMNS: Final = {
    "meter": ("meter", "表计", "仪表", "电表", "表号"),
    "time": ("time", "时间", "抄表时间"),
    "reading": ("reading", "读数", "示数", "抄表读数"),
}
"""What the header of our own files calls its columns."""
METERS: Final = frozenset((
    *OUR_COLUMNS["meter"], "meter id", "meterid", "meter name", "meter number", "meter no", "nmi",
    "meter_id", "meter serial", "serial", "serial number", "serial no", "mpan", "mprn", "esi id",
    "esiid", "icp", "icp number", "device", "device name", "device id", "deviceid", "point",
    "point id", "channel", "tag", "tagname", "name", "variable", "register", "metering point",
    "zähler", "zählernummer", "zählpunkt", "zählpunktbezeichnung", "messstelle", "messlokation",
    "compteur", "pdl", "prm", "cups", "contador", "pod", "ean", "名称", "设备", "设备名称",
    "仪表名称", "电表名称", "表名", "用户编号", "户号", "资产编号", "电表编号", "表计名称", "测点",
    "计量点", "计量点名称", "回路", "回路名称", "sensor", "feeder", "circuit",
))  # fmt: skip
TIMES: Final = re.compile(
    r"time|date|stamp|zeit|datum|uhr|fecha|hora|heure|period|interval|时间|日期|时刻|"
    r"\b(from|to|start|end)\b"
)
UNITS: Final = ("unit", "units", "uom", "einheit", "unité", "unite", "unidad", "unità", "单位")
QUALITY: Final = re.compile(
    r"quality|estimat|status|flag|read ?type|m[eé]todo|qualit|estimado|nature|估|状态|质量",
    re.IGNORECASE,
)
ESTIMATED: Final = frozenset(
    ("e", "est", "est.", "estimate", "estimated", "estimado", "estimada", "estimé", "estimée",
     "stimato", "ersatzwert", "ersatz", "substitute", "substituted", "interpolated", "估", "估算",
     "估读", "估计", "估抄")
)  # fmt: skip
RATIOS: Final = re.compile(
    r"(综合)?倍率|变比|(ct|pt|vt)?[ /]*(ct|pt|vt)? ?ratio|multiplier|meter (multiplier|constant)|"
    r"factor|(wandler)?faktor|coefficient|coef\.?"
)
"""What numbers may still have to be multiplied by."""
NUMBERED_LINES: Final = frozenset(
    ("no", "no.", "nr", "nr.", "#", "rec", "rec#", "record", "row", "line", "index", "id", "seq",
     "sequence", "序号", "编号", "行号", "s.no", "sl no", "sl. no.", "n°", "lfd. nr.")
)  # fmt: skip
COUNTED: Final = re.compile(
    r"hora|hour|hr|he|hour ?ending|heure|stunde|ora|periodo|period|interval|"
    r"interval ?(no|number)\.?|settlement ?period|sp|时段|点|小时|时点"
)
"""A column that counts the intervals of a day."""
NUMBERED: Final = re.compile(
    r"(hh|he|hr|h|hour|hora|int|interval|period|p|v|e|q|点|第|t)?[ _#.-]*0*(\d{1,3})"
    r"[ _]?(点|时|h|hr|kwh)?",
    re.IGNORECASE,
)
"""The title of a column that is one of the intervals of a day."""
TOTALS: Final = re.compile(
    r"^\W*(grand )?(sub)?(total|sum|summe|gesamt|somme|suma|average|avg|mean|mittelwert|min|max|"
    r"minimum|maximum|peak|count|合计|总计|小计|累计|平均|最大|最小|总和)",
    re.IGNORECASE,
)
