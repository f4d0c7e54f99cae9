"""One figure of any council beside its past, its neighbours and England, from what was published by a day."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forecaster import benchmarks
from forecaster.calendar import long_date
from forecaster.funnel import Unit
from forecaster.measures import Measure, nearest
from forecaster.projection import Outlook, latest
from forecaster.settings import ROOT
from forecaster.standing import Position, months_since, position
from forecaster.types import Benchmark, InputError, Reference
from forecaster.words.wording import chance, financial_year, number, ordinal

FOLDER = ROOT / "data" / "benchmarks"
CLEAR = 0.95  # "clearly above" is so likely or more
COLUMNS = ("Year", "Here", "Neighbours*", "England", "Rank")


@dataclass(frozen=True)
class Answer:
    """What the command says: a title, a row a published year and one for the year asked about, and sentences."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    sentences: tuple[str, ...]


def figure_of(text: str, unit: Unit) -> float:
    """Returns a figure as a proportion ("17.2%", "0.172") or a rate per 10,000 ("61.5"); InputError if it is none."""
    percent = text.strip().endswith("%")
    try:
        value = float(text.strip().removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        raise InputError("--value", f"{text!r} is not a figure", "write 17.2% or, per 10,000 children, 61.5") from None
    if unit == "share" and not 0 <= value <= 1:
        raise InputError("--value", f"{text!r} is no share", "write it as 17.2%")
    if unit == "rate" and (percent or not 0 <= value < math.inf):
        raise InputError("--value", f"{text!r} is no rate", "give the number per 10,000 children, such as 61.5")
    return value


def answer(
    code: str,
    measure: str,
    as_of: dt.date,
    *,
    value: str | None = None,
    of: float | None = None,
    year: int | None = None,
    chosen: Sequence[str] = (),
    catalogue: Mapping[str, Measure] | None = None,
    folder: Path = FOLDER,
) -> Answer:
    """Returns where a council stands on a measure in a year ending 31 March, given what was published by a day.

    year: by default the one after the newest published. of: what a share is of (plan starts, referrals), or the number
    of children; by default the newest published. chosen: neighbours instead of the Department's list.
    """
    reference = benchmarks.reference(folder, code, as_of, chosen)
    newest = _newest(reference, code, measure, as_of)
    target = year or newest.year + 1
    if target <= newest.year:
        raise InputError("--year", f"{financial_year(target)} is published", f"give {newest.year + 1} or later")
    figure = figure_of(value, newest.unit) if value else None
    size = of or newest.sizes.get(code, 0.0)
    if figure is not None and size <= 0:
        raise InputError(
            "--of", "what the figure is of is not known", "give the number of plans, referrals or children"
        )
    found = position(reference, measure, target, figure, size)
    assert found is not None  # `_newest` has found the figures that it needs
    name = newest.names.get(code, code).partition(",")[0]  # "Herefordshire, County of"
    known = (catalogue or {}).get(measure)
    per = " per 10,000 children" if newest.unit == "rate" else ""
    heading = f"{name}: {known.title.lower() if known else measure}{per}, as known on {long_date(as_of)}"
    what = "children" if newest.unit == "rate" else known.of if known else "cases"
    return Answer(heading, tuple(_rows(found)), tuple(_sentences(found, name, f"{number(size)} {what}", as_of)))


def _newest(reference: Reference, code: str, measure: str, as_of: dt.date) -> Benchmark:
    """The newest published year of a measure, or what is wrong with the question."""
    measures = sorted({b.measure for b in reference.benchmarks})
    if not measures:
        raise InputError("--as-of", f"nothing was published by {as_of}", "give a day from 31 October 2013 on")
    if measure not in measures:
        raise InputError(measure, "no figures of this are published", nearest(measure, measures))
    if not reference.neighbours:
        raise InputError(code, "this is no council that has statistical neighbours", "give its ONS code, as E08000030")
    found = latest(measure, reference)
    if found is None:
        raise InputError(code, "fewer than five of its neighbours have figures", "choose others with --neighbour")
    return found


def _said(value: float | None, unit: Unit) -> str:
    return "" if value is None else f"{value:.1%}" if unit == "share" else f"{value:,.1f}"


def _range(outlook: Outlook | None) -> str:
    """The median with its 95% interval."""
    if outlook is None:
        return ""
    low, middle, high = (outlook.quantile(level) for level in (0.025, 0.5, 0.975))
    scaled = (f"{100 * low:.1f}" if outlook.unit == "share" else f"{low:,.1f}") + f"-{_said(high, outlook.unit)}"
    return f"{_said(middle, outlook.unit)} ({scaled})"


def _rows(found: Position) -> Iterator[tuple[str, ...]]:
    for year in found.years:
        rank = f"{ordinal(year.rank[0])} of {year.rank[1]}" if year.rank else ""
        figures = (_said(value, found.unit) for value in (year.council, year.neighbours, year.england))
        yield (financial_year(year.year), *figures, rank)
    here = _said(found.figure, found.unit)
    yield f"{financial_year(found.target)}, likely", here, _range(found.neighbours), _range(found.england), ""


def _sentences(found: Position, name: str, size: str, as_of: dt.date) -> Iterator[str]:
    last, year = found.years[-1].year, financial_year(found.target)
    age = months_since(last, as_of)
    yield f"Published to {financial_year(last)}, which is {age} months old; {year} is projected, with 95% intervals."
    if found.figure is None:
        return
    yield verdict(found, name)
    if found.above_england is not None:
        yield f"It is {_standing(found.above_england)} where England is likely to be ({_likely(found.above_england)})."
    if found.as_high is not None:
        yield f"Of a hundred councils like its neighbours, {_of_a_hundred(found.as_high)} would be as high."
    yield f"Judged is what is underneath {_said(found.figure, found.unit)} of {size}, chance and siblings allowed for."


def _of_a_hundred(probability: float) -> str:
    return "fewer than one" if probability < 0.005 else f"about {number(100 * probability)}"


def _standing(above: float) -> str:
    if above >= CLEAR or above <= 1 - CLEAR:
        return "clearly " + ("above" if above > 0.5 else "below")
    return "not clearly " + ("above" if above >= 0.5 else "below")


def _likely(above: float) -> str:
    """The probability of the side a figure is on."""
    return f"{chance(max(above, 1 - above))} likely"


def verdict(found: Position, name: str) -> str:
    """Returns a sentence: is a figure up on the council's own past, and above where its neighbours are likely to be."""
    assert found.figure is not None and found.above is not None
    here = f"{name}'s {_said(found.figure, found.unit)} of {financial_year(found.target)}"
    beside = f"{_standing(found.above)} where its neighbours are likely to be ({_likely(found.above)})"
    if found.rose is None:
        return f"{here} is {beside}."
    moved = _standing(found.rose).replace("above", "up").replace("below", "down").removeprefix("clearly ")
    link = "and" if moved.startswith("not") == beside.startswith("not") else "but"
    return f"{here} is {moved} on its own past ({_likely(found.rose)}) {link} {beside}."
