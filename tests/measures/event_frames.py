"""Small councils for the tests of measures: frames of events written as rows, and random ones."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from forecaster.measures import Measure, build_panel, parse_measures
from forecaster.types import DIMENSIONS, EVENT_COLUMNS, Panel, SeriesKey

FIRST = dt.date(2017, 1, 2)  # a Monday
MEASURES = parse_measures(tomllib.loads((Path(__file__).parents[2] / "config" / "measures.toml").read_text("utf-8")))
WORDS = {"title": "Things", "one": "thing happened", "many": "things happened"}


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def event(child: str, kind: str, when: str | dt.date, **columns: Any) -> dict[str, Any]:
    when = day(when) if isinstance(when, str) else when
    return {"child": child, "event": kind, "date": when, **columns}


def frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The rows in the types that the readers and the store give."""
    raw = pd.DataFrame(list(rows), columns=[*EVENT_COLUMNS, "extract"], dtype=object)
    texts = ["child", "event", "family", *DIMENSIONS, "outcome"]
    typed: dict[str, Any] = {name: pd.array(raw[name].where(raw[name].notna(), None), dtype="str") for name in texts}
    for name in ("date", "recorded", "previous_plan_end"):
        typed[name] = pd.to_datetime(raw[name]).astype("datetime64[s]")
    typed["previous_plans"] = pd.array(raw["previous_plans"].where(raw["previous_plans"].notna(), None), dtype="Int64")
    typed["extract"] = pd.array(raw["extract"].where(raw["extract"].notna(), 0), dtype="int64")
    return pd.DataFrame(typed)[[*EVENT_COLUMNS, "extract"]]


def flow(kind: str = "referral", **more: Any) -> dict[str, Any]:
    return {"kind": "flow", "event": kind, **WORDS, **more}


def share(kind: str, *counted_if: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "share", "event": kind, "of": "all of them", "counted_if": list(counted_if), **WORDS, **more}


def stock(**more: Any) -> dict[str, Any]:
    return {"kind": "stock", "opens": "plan_start", "closes": "plan_end", **WORDS, **more}


def parsed(**tables: Any) -> dict[str, Measure]:
    return parse_measures(tables)


def built(rows: Sequence[dict[str, Any]] | pd.DataFrame, last: str, table: dict[str, Any], **options: Any) -> Panel:
    """The panel of one measure, named m, with every slice however small."""
    events = rows if isinstance(rows, pd.DataFrame) else frame(rows)
    return build_panel(events, parsed(m=table), last=day(last), **{"min_slice_total": 0, **options})


def council(panel: Panel, name: str = "m") -> list[float]:
    return list(panel.count[panel.row(SeriesKey(name))])


def series(panel: Panel, dimension: str, value: str, name: str = "m") -> list[float]:
    return list(panel.count[panel.row(SeriesKey(name, ((dimension, value),)))])


def periods(panel: Panel) -> list[str]:
    return [str(period) for period in panel.periods]


def missing(values: Sequence[float]) -> list[bool]:
    return list(np.isnan(np.array(values, float)))


_MAYBE = {
    "family": st.sampled_from([None, "", "f1", "f2"]),
    "team": st.sampled_from([None, "East", "West"]),
    "age_band": st.sampled_from(["0-4", "5-9"]),
    "outcome": st.sampled_from([None, "nfa", "conference", "plan", "other"]),
    "previous_plans": st.sampled_from([None, 0, 1]),
    "extract": st.integers(0, 2),
}
_KINDS = ("contact", "referral", "section_47", "conference", "plan_start", "plan_end")


@st.composite
def event_rows(draw: st.DrawFn, most: int = 40, days: int = 900) -> list[dict[str, Any]]:
    """Events of a few children over some years, each child, kind and day at most once."""
    keys = draw(
        st.lists(
            st.tuples(st.integers(0, 5), st.sampled_from(_KINDS), st.integers(0, days)), max_size=most, unique=True
        )
    )
    return [
        event(f"c{child}", kind, FIRST + dt.timedelta(days=after), **{k: draw(v) for k, v in _MAYBE.items()})
        for child, kind, after in keys
    ]
