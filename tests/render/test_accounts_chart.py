"""The picture of what was said and what came: nothing hidden inside it, and words that tell what is what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import vl_convert

from forecaster.accounts import SMALL
from forecaster.accounts_chart import CAME, HELD80, HELD95, HIDDEN, Track, png, vega_lite

WEEKS = pd.date_range("2024-01-01", periods=60, freq="7D")


def course(actual: np.ndarray, small: tuple[int, ...] = (), said_from: int = 13) -> pd.DataFrame:
    frame = pd.DataFrame({"period": WEEKS, "actual": actual, "reason": ""})
    said = pd.DataFrame({"median": 30.0, "lower95": 18.0, "upper95": 44.0}, index=frame.index)
    said.iloc[:said_from] = np.nan
    frame.loc[list(small), ["actual", "reason"]] = np.nan, SMALL
    return frame.join(said)


def coverage(low: float = 0.9) -> pd.DataFrame:
    return pd.DataFrame({"held95": [0.95, 0.93], "held80": [0.8, low]}, index=pd.Index([1, 13], name="ahead"))


COUNTS = np.random.default_rng(1).poisson(30, len(WEEKS)).astype(float)
PLAIN = Track("Referrals", course(COUNTS), coverage())
LOW = Track("Child protection plan starts", course(COUNTS, small=(2, 30)), coverage())


def spec(*tracks: Track) -> dict[str, Any]:
    return vega_lite(tracks, "Herefordshire: what was said and what came", 13, "week")


def rows(found: dict[str, Any], series: str) -> list[dict[str, Any]]:
    return [row for data in found["datasets"].values() for row in data if row.get("series") == series]


def svg(*tracks: Track) -> str:
    return str(vl_convert.vegalite_to_svg(spec(*tracks), allowed_base_urls=[]))


def test_titles_legend_and_horizon_are_written_on_it() -> None:
    drawn = svg(PLAIN, LOW)
    for words in (
        "Herefordshire: what was said and what came", "Referrals", "Child protection plan starts", CAME, HIDDEN,
        "said 13 weeks before, 95% band", "How often the bands held", HELD95, HELD80, "weeks ahead",
    ):  # fmt: skip
        assert words in drawn


def test_hidden_counts_are_crosses_without_a_value() -> None:
    found = spec(LOW)
    hidden = {WEEKS[at].strftime("%Y-%m-%d") for at in (2, 30)}
    assert {row["x"] for row in rows(found, HIDDEN)} == hidden
    assert all(set(row) == {"series", "x"} for row in rows(found, HIDDEN))
    assert {row["x"] for row in rows(found, CAME) if row["y"] is None} == hidden


def test_the_legend_names_hidden_counts_only_where_there_are_any() -> None:
    assert HIDDEN not in svg(PLAIN)


def test_what_was_said_is_drawn_from_the_week_it_speaks_of() -> None:
    said = rows(spec(PLAIN), "said 13 weeks before, 95% band")
    assert [row["y"] for row in said] == [None] * 13 + [30.0] * 47
    assert all((row["lower"], row["upper"]) == (18.0, 44.0) for row in said[13:])


def test_coverage_is_drawn_in_per_cent_beside_what_it_should_be() -> None:
    found = spec(PLAIN)
    assert sorted((row.get("ahead", 0), row["y"]) for row in rows(found, HELD80)) == [(0, 80), (1, 80.0), (13, 90.0)]
    assert {row["y"] for row in rows(found, HELD95)} == {95, 93.0}


@pytest.mark.parametrize(("low", "floor"), [(0.9, 60), (0.65, 60), (0.5, 40), (0.1, 0)])
def test_the_scale_of_the_coverage_goes_as_low_as_it_must(low: float, floor: int) -> None:
    right = spec(PLAIN, Track("Open plans", course(COUNTS), coverage(low)))["vconcat"][0]["hconcat"][1]
    assert {layer["encoding"]["y"]["scale"]["domain"][0] for layer in right["layer"]} == {floor}


def test_a_track_without_coverage_or_with_nothing_to_show_can_be_drawn() -> None:
    empty = Track("Plan ends", course(COUNTS, small=tuple(range(60))), coverage().iloc[:0])
    assert png([empty], "Herefordshire", 1, "month")[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_same_account_gives_the_same_bytes() -> None:
    both = [png([PLAIN, LOW], "Herefordshire", 13, "week") for _ in range(2)]
    assert both[0] == both[1] and len(both[0]) > 30_000
