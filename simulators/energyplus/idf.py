"""The input file of EnergyPlus (IDF) as objects: found, changed, added and written again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


class IdfError(ValueError):
    """The model has no such object or field; the message says which."""


@dataclass(slots=True)
class IdfObject:
    """One object: its class, then its fields as they stand in the file."""

    kind: str
    fields: list[str]

    @property
    def name(self) -> str:
        return self.fields[0] if self.fields else ""

    def set(self, number: int, text: str) -> None:
        """Replace the field with this number, counted from 1; missing ones before it are empty."""
        self.fields.extend([""] * (number - len(self.fields)))
        self.fields[number - 1] = text

    def __str__(self) -> str:
        return f"{self.kind},\n  " + ",\n  ".join(self.fields) + ";\n"


@dataclass(slots=True)
class Idf:
    """A model. Names of classes and objects are found whatever their case, as EnergyPlus does."""

    objects: list[IdfObject] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> Idf:
        bare = "\n".join(line.partition("!")[0] for line in text.splitlines())
        idf = cls()
        for words in bare.split(";"):
            kind, *fields = (word.strip() for word in words.split(","))
            if kind:
                idf.objects.append(IdfObject(kind, fields))
        return idf

    def of(self, kind: str) -> Iterator[IdfObject]:
        return (item for item in self.objects if item.kind.lower() == kind.lower())

    def find(self, kind: str, name: str) -> IdfObject:
        """Raises IdfError if the model has no such object."""
        for item in self.of(kind):
            if item.name.lower() == name.lower():
                return item
        known = [item.name for item in self.of(kind)]
        raise IdfError(
            f"the model has no {kind} '{name}'"
            + (f"; it has {', '.join(known[:8])}" if known else f", nor any other {kind}")
        )

    def remove(self, kind: str) -> None:
        self.objects = [item for item in self.objects if item.kind.lower() != kind.lower()]

    def replace(self, kind: str, *fields: str) -> None:
        """One object of this class in place of all that there are."""
        self.remove(kind)
        self.add(kind, fields)

    def add(self, kind: str, fields: Sequence[str]) -> None:
        self.objects.append(IdfObject(kind, list(fields)))

    def __str__(self) -> str:
        return "\n".join(map(str, self.objects))


def run_the_weather(idf: Idf) -> None:
    """Switch the run over the weather file on, and the days that only size machines off.

    Sizing itself goes on as the model says. Some models ship with the weather run off.
    """
    control = next(idf.of("SimulationControl"), None)
    if control is None:
        idf.add("SimulationControl", ["Yes", "Yes", "Yes", "No", "Yes"])
        return
    control.set(4, "No")
    control.set(5, "Yes")
