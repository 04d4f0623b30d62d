"""A picture as SVG, in the language that is spoken. Self-contained: no style and no font of
elsewhere, so that the same text stands in a report, on a page and as a file."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from bms.reports.pictures.marks import Box, Dot, Ink, Mark, Picture, Stroke
from bms.texts.language import told

COLOURS: Final[Mapping[Ink, str]] = {
    "ink": "#1A1E23",
    "ink-2": "#454D57",
    "ink-3": "#5F6873",
    "accent": "#1B5A9C",
    "red": "#B3211A",
    "line": "#E3E6E9",
    "line-2": "#C8CDD3",
    "canvas": "#ECEEF0",
    "paper": "#FFFFFF",
    "running": "#3E4750",
    "load-0": "#F5F6F7",
    "load-1": "#DFE3E7",
    "load-2": "#C6CCD2",
    "load-3": "#A6AEB7",
    "load-4": "#848D97",
    "load-5": "#616A74",
    "load-6": "#3E4750",
    "hatch": "url(#hatch)",
    "none": "none",
}
FONTS: Final = (
    "system-ui, -apple-system, 'Segoe UI', Inter, Roboto, 'PingFang SC', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', 'Noto Sans SC', sans-serif"
)
_HATCH: Final = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="6" height="6" fill="#F5F6F7"/>'
    '<rect width="1.2" height="6" fill="#A6AEB7"/></pattern></defs>'
)


def svg(picture: Picture) -> str:
    """The text of a `<svg>` element; it shrinks with its column and never grows."""
    says = escape(told(picture.says))
    hatched = any("hatch" in (getattr(mark, "fill", ""),) for mark in picture.marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(picture.width)} '
        f'{_n(picture.height)}" width="{_n(picture.width)}" height="{_n(picture.height)}" '
        f'role="img" aria-label="{says}" font-family="{escape(FONTS)}" '
        f'style="max-width:100%;height:auto;font-variant-numeric:tabular-nums">'
        f"<title>{says}</title>{_HATCH if hatched else ''}"
        + "".join(_mark(mark) for mark in picture.marks)
        + "</svg>"
    )


def _mark(mark: Mark) -> str:
    if isinstance(mark, Box):
        around = _stroked(mark.stroke, mark.stroke_width)
        place = (
            f'x="{_n(mark.x)}" y="{_n(mark.y)}" width="{_n(mark.width)}" height="{_n(mark.height)}"'
        )
        tip = f"<title>{escape(told(mark.tip))}</title>" if mark.tip else ""
        end = f">{tip}</rect>" if tip else "/>"
        return f'<rect {place} fill="{COLOURS[mark.fill]}"{around}{end}'
    if isinstance(mark, Stroke):
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in mark.points)
        dashes = ' stroke-dasharray="4 3"' if mark.dashed else ""
        name = "polygon" if mark.closed else "polyline"
        around = _stroked(mark.stroke, mark.stroke_width)
        return f'<{name} points="{path}" fill="{COLOURS[mark.fill]}"{around}{dashes}/>'
    if isinstance(mark, Dot):
        around = _stroked(mark.stroke, 1)
        place = f'cx="{_n(mark.x)}" cy="{_n(mark.y)}" r="{_n(mark.radius)}"'
        return f'<circle {place} fill="{COLOURS[mark.fill]}"{around}/>'
    weight = ' font-weight="600"' if mark.bold else ""
    anchor = "" if mark.anchor == "start" else f' text-anchor="{mark.anchor}"'
    return (
        f'<text x="{_n(mark.x)}" y="{_n(mark.y)}" font-size="{_n(mark.size)}"{weight}{anchor} '
        f'fill="{COLOURS[mark.fill]}">{escape(told(mark.text))}</text>'
    )


def _stroked(stroke: Ink, width: float) -> str:
    if stroke == "none":
        return ""
    return f' stroke="{COLOURS[stroke]}" stroke-width="{_n(width)}"'


def _n(value: float) -> str:
    """A length to the hundredth: the same text on every machine."""
    return f"{round(value, 2):.2f}".rstrip("0").rstrip(".")
