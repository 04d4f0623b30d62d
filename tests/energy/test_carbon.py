"""Coal equivalent and CO2 by factor sets; printed tables checked against themselves."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from bms.energy.carbon.energy_table import Activity, Amount, Energy, Unknown, energy_table
from bms.energy.carbon.factors import Book, Factor, FactorSet, Measure, UnlikeUnits, Use
from bms.energy.carbon.printed_check import Relation, Rounded, Rule, check

COAL = FactorSet(
    "coal",
    Measure.TCE,
    "a book",
    True,
    {
        "electricity": Factor(Fraction("0.1229"), "MWh"),
        "natural_gas": Factor(Fraction("12.15"), "1e4m3"),
        "petrol": Factor(Fraction("1.4714"), "t"),
    },
)
BURNT = FactorSet("burnt", Measure.SCOPE_1, "", False, {"petrol": Factor(Fraction("2.9251"), "t")})
EAST = FactorSet(
    "east", Measure.SCOPE_2, "", False, {"electricity": Factor(Fraction("0.7035"), "MWh")}
)
NATIONAL = FactorSet(
    "national", Measure.SCOPE_2, "", False, {"electricity": Factor(Fraction("0.5366"), "MWh")}
)
SETS = {one.id: one for one in (COAL, BURNT, EAST, NATIONAL)}


def book(*uses: Use) -> Book:
    return Book(SETS, [Use("coal"), Use("burnt"), *uses])


def energy(name: str, kind: str, unit: str, amount: str | None, base: str | None = None) -> Energy:
    years = {2020: Amount(Fraction(amount), entered=True)} if amount is not None else {}
    return Energy(name, kind, unit, years, base)


def test_units_of_one_kind_are_converted_and_no_others() -> None:
    per_m3 = Factor(Fraction("12.15"), "1e4m3").per("m3")
    assert per_m3 == Fraction("0.001215")
    assert Factor(Fraction("0.1229"), "MWh").per("GJ") == Fraction("0.1229") / Fraction("3.6")
    assert Factor(Fraction(3), "t").per("kg") == Fraction(3, 1000)
    with pytest.raises(UnlikeUnits):
        Factor(Fraction("1.4714"), "t").per("L")  # only a density could tell


def test_totals_add_what_is_bought_and_what_is_burnt() -> None:
    energies = [
        energy("grid", "electricity", "MWh", "1000"),
        energy("cars", "petrol", "t", "10"),
        energy("roof", "pv", "MWh", "50"),
        energy("town", "water", "t", "300"),
        energy("well", "water", "m3", "20"),
    ]
    revenue = Activity("revenue", "M", {2020: Fraction(50)})
    table = energy_table([2020], energies, [revenue], book(Use("east")))
    cells = {name: row.cells[2020].amount for name, row in table.rows.items()}
    assert cells["tce:indirect"] == Fraction("122.9")
    assert cells["tce:direct"] == Fraction("14.714")
    assert cells["tce"] == Fraction("137.614")
    assert cells["scope_1"] == Fraction("29.251")
    assert cells["scope_2"] == Fraction("703.5")
    assert cells["co2"] == Fraction("732.751")
    assert cells["co2/revenue"] == Fraction("732.751") / 50
    assert cells["water"] == 320
    assert cells["amount:roof"] == 50
    assert "tce:roof" not in cells  # it saved bought energy already
    assert table.sets == {"coal", "burnt", "east"}


def test_the_first_set_that_fits_year_and_base_counts() -> None:
    energies = [
        energy("a", "electricity", "MWh", "10", base="hangzhou"),
        energy("b", "electricity", "MWh", "10", base="chongqing"),
    ]
    uses = (Use("east", bases=frozenset({"hangzhou"})), Use("national", first_year=2019))
    table = energy_table([2020], energies, [], book(*uses))
    assert table.rows["scope_2:a"].cells[2020].amount == Fraction("7.035")
    assert table.rows["scope_2:b"].cells[2020].amount == Fraction("5.366")
    late = energy_table([2020], energies, [], book(Use("national", first_year=2021)))
    assert late.rows["scope_2:b"].cells[2020].unknown is Unknown.NO_FACTOR
    early = energy_table([2020], energies, [], book(Use("national", last_year=2019)))
    assert early.rows["scope_2:b"].cells[2020].unknown is Unknown.NO_FACTOR


def test_what_is_unknown_makes_its_totals_unknown() -> None:
    energies = [
        energy("grid", "electricity", "MWh", "1000"),
        energy("cars", "petrol", "t", None),
        energy("gas", "natural_gas", "t", "5"),
    ]
    table = energy_table([2020], energies, [Activity("area", "m2", {})], book(Use("east")))
    assert table.rows["amount:cars"].cells[2020].unknown is Unknown.NO_AMOUNT
    assert table.rows["tce:gas"].cells[2020].unknown is Unknown.UNLIKE_UNITS
    assert table.rows["scope_1:gas"].cells[2020].unknown is Unknown.NO_FACTOR
    assert table.rows["tce"].cells[2020].amount is None
    assert table.rows["tce"].cells[2020].unknown is Unknown.PART
    assert table.rows["scope_2"].cells[2020].amount == Fraction("703.5")
    assert table.rows["tce/area"].cells[2020].unknown is Unknown.PART


def test_a_year_without_revenue_has_no_intensity() -> None:
    table = energy_table(
        [2020],
        [energy("grid", "electricity", "MWh", "1000")],
        [Activity("revenue", "M", {2020: Fraction(0)})],
        book(),
    )
    assert table.rows["tce/revenue"].cells[2020].unknown is Unknown.NO_ACTIVITY


def test_an_incomplete_year_says_what_is_known() -> None:
    part = Energy(
        "grid", "electricity", "MWh", {2020: Amount(None, Fraction(900), coverage_pct=90.0)}
    )
    table = energy_table([2020], [part], [], book())
    cell = table.rows["amount:grid"].cells[2020]
    assert cell.amount is None
    assert cell.known == 900
    assert cell.coverage_pct == 90.0
    assert table.rows["tce"].cells[2020].amount is None


def test_a_printed_sum_agrees_inside_the_rounding_of_all_its_parts() -> None:
    # 10.04 + 20.04 would be printed 10.0, 20.0 and 30.1.
    parts = {
        "a": Rounded.of_row({2020: Decimal("10.0"), 2019: Decimal("9.9")}),
        "b": Rounded.of_row({2020: Decimal("20.0"), 2019: Decimal("20.1")}),
    }
    rule = Rule("sum", 2020, Relation.SUM, ("a", "b"))

    def agrees(printed: str) -> bool:
        total = Rounded.of_row({2020: Decimal(printed), 2019: Decimal("30.1")})
        (found,) = check({**parts, "sum": total}, [rule])
        return found.agrees

    assert agrees("30.1")
    assert agrees("29.9")
    assert not agrees("30.2")
    assert not agrees("29.8")


def test_a_printed_intensity_that_does_not_follow_is_found() -> None:
    table = {
        "water": Rounded.of_row({2019: Decimal("1186882.18")}),
        "revenue": Rounded.of_row({2019: Decimal(57657)}),
        "ratio": Rounded.of_row({2019: Decimal("20.55")}),
    }
    (found,) = check(table, [Rule("ratio", 2019, Relation.RATIO, ("water", "revenue"))])
    assert not found.agrees
    assert float(found.reckoned) == pytest.approx(20.585, abs=5e-4)


def test_a_row_is_rounded_as_its_most_exact_number() -> None:
    row = Rounded.of_row({2019: Decimal("469.0"), 2020: Decimal("513.8")})
    assert row[2019].half == Fraction(1, 20)
    assert Rounded.of_row({2020: Decimal(49834)})[2020].half == Fraction(1, 2)
    assert Rounded.of_row({2020: Decimal("4E+4")})[2020].half == Fraction(1, 2)


def test_what_has_no_printed_parts_is_not_checked() -> None:
    table = {"sum": Rounded.of_row({2020: Decimal(5)})}
    assert check(table, [Rule("sum", 2020, Relation.SUM, ("a", "b"))]) == []
    zero = {"a": Rounded.of_row({2020: Decimal(0)}), **table}
    assert check(zero, [Rule("sum", 2020, Relation.RATIO, ("sum", "a"))]) == []
