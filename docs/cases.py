"""What happens when …: the cases that tests show, as a page for the people who use the program.

A test names its case by `@pytest.mark.case(id, when=…, then=…)`. The sentences of the page are
those of the markers; `docs/cases_zh.yaml` has them in Chinese.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CHINESE = Path(__file__).with_name("cases_zh.yaml")

TOPICS = {
    "E": ("Meters and their registers", "电表与读数"),
    "F": ("Files of readings", "抄表文件"),
    "G": ("The growth verdict", "能耗增长结论"),
    "T": ("Tariffs and reports", "电价与报表"),
    "U": ("Reports to platforms", "平台上报"),
    "M": ("Devices on Modbus", "Modbus 设备"),
    "O": ("Servers of OPC-UA", "OPC-UA 服务器"),
    "B": ("Devices on any wire", "所有现场协议"),
    "C": ("Schedules", "时间表"),
    "P": ("Plants under group control", "群控"),
    "S": ("Silence and nonsense in the field", "现场的沉默与异常"),
    "R": ("Faults, disks and people", "故障、磁盘与权限"),
    "N": ("Living with a site", "日常使用"),
}
"""By the first letter of a case, in the order of the page."""

HEADS = {
    "en": ("What happens when …", "when", "then"),
    "zh": ("发生这些情况时会怎样", "发生的情况", "程序的做法"),
}


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One thing that happens, and what the program does then."""

    id: str
    when: str
    then: str

    @property
    def topic(self) -> str:
        return self.id[0]


class NoCase(ValueError):
    """A marker that cannot be printed."""


def cases(tests: Path = ROOT / "tests") -> Sequence[Case]:
    """Every case that a test names, each once, in the order of topics and numbers.

    Raises NoCase for a marker that is not three plain texts, or is of no topic.
    """
    found = {
        case
        for path in sorted(tests.rglob("*.py"))
        for case in _cases_in(path, path.read_text(encoding="utf-8"))
    }
    order = list(TOPICS)
    return sorted(found, key=lambda case: (order.index(case.topic), _number(case.id), case))


def page(found: Sequence[Case], language: str, said: Mapping[str, str]) -> str:
    """The page in `en` or `zh`; `said` has the sentences of other languages by the English ones.

    A sentence that `said` does not have stays English.
    """
    title, when, then = HEADS[language]
    lines = [f"# {title}", ""]
    for letter, titles in TOPICS.items():
        rows = [case for case in found if case.topic == letter]
        if rows:
            lines += [f"## {titles[0] if language == 'en' else titles[1]}", ""]
            lines += [f"| {when} | {then} |", "|---|---|"]
            lines += [
                f"| {_cell(said.get(case.when, case.when))} | "
                f"{_cell(said.get(case.then, case.then))} |"
                for case in rows
            ]
            lines.append("")
    return "\n".join(lines)


def chinese() -> Mapping[str, str]:
    """The sentences in Chinese by the English ones."""
    found: dict[str, str] = yaml.safe_load(CHINESE.read_text(encoding="utf-8"))
    return found


def pages() -> dict[str, str]:
    """The page in each language, by its name."""
    found = cases()
    return {
        "what-happens": page(found, "en", {}),
        "what-happens-zh": page(found, "zh", chinese()),
    }


def _cases_in(path: Path, text: str) -> Iterator[Case]:
    if "mark.case" not in text:
        return
    tree = ast.parse(text)
    texts = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.case":
            yield _case(path, node, texts)


def _case(path: Path, call: ast.Call, texts: Mapping[str, ast.expr]) -> Case:
    where = f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{call.lineno}"

    def plain(node: ast.expr) -> str:
        """A text, written here or in a constant of the module."""
        return str(
            ast.literal_eval(texts.get(node.id, node) if isinstance(node, ast.Name) else node)
        )

    try:
        given = [plain(arg) for arg in call.args]
        named = {word.arg: plain(word.value) for word in call.keywords}
    except ValueError:
        raise NoCase(f"{where}: a case is written in plain texts") from None
    if len(given) != 1 or set(named) != {"when", "then"}:
        raise NoCase(f"{where}: a case has an id, when=… and then=…")
    if not given[0] or given[0][0] not in TOPICS:
        raise NoCase(f"{where}: the id begins with one of {', '.join(TOPICS)}")
    return Case(given[0], " ".join(named["when"].split()), " ".join(named["then"].split()))


def _number(name: str) -> int:
    digits = "".join(c for c in name.split()[0] if c.isdigit())
    return int(digits) if digits else 0


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")
