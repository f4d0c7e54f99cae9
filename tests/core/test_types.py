from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_panels import panel

from forecaster.messages import Line, Message, SendError, Target
from forecaster.types import QUANTILES, Alert, InputError, Panel, SeriesKey, as_date

NORTH = SeriesKey("plan_starts", (("locality", "North"),))
TEAM = SeriesKey("plan_starts", (("locality", "North"), ("team", "Team 2")))
COUNCIL = SeriesKey("plan_starts")


def three() -> Panel:
    counts = np.arange(30.0).reshape(3, 10)
    some = panel(counts, ("flow", "stock", "share"), of=counts + 1, capped=counts / 2, keys=[COUNCIL, NORTH, TEAM])
    return replace(some, families=counts / 3, largest=counts / 4)


def test_a_series_says_where_it_is() -> None:
    assert (COUNCIL.where, NORTH.where, TEAM.where) == ("council", "North", "North / Team 2")
    assert (COUNCIL.is_council, NORTH.is_council) == (True, False)
    assert str(COUNCIL) == "plan_starts"
    assert str(TEAM) == "plan_starts locality=North team=Team 2"


def test_a_series_knows_its_council_and_the_whole_of_it() -> None:
    hull = SeriesKey("plan_starts", (("council", "Hull"),))
    inside = SeriesKey("plan_starts", (("category", "Neglect"), ("council", "Hull"), ("team", "Team 2")))
    assert [key.council for key in (COUNCIL, TEAM, hull, inside)] == ["", "", "Hull", "Hull"]
    assert [key.whole for key in (COUNCIL, TEAM, hull, inside)] == [COUNCIL, COUNCIL, hull, hull]
    assert [key.is_council for key in (COUNCIL, TEAM, hull, inside)] == [True, False, True, False]


def test_the_council_comes_before_its_slices() -> None:
    assert sorted([TEAM, NORTH, COUNCIL]) == [COUNCIL, NORTH, TEAM]


def test_selected_rows_are_the_same_in_every_array() -> None:
    some = three().select([2, 0])
    assert some.keys == (TEAM, COUNCIL)
    assert some.kinds == ("share", "flow")
    assert list(some.arrays) == ["count", "of", "capped", "families", "largest"]
    for name, array in some.arrays.items():
        assert np.array_equal(array, three().arrays[name][[2, 0]])
    assert some.row(COUNCIL) == 1
    assert three().select([]).count.shape == (0, 10)


@given(st.integers(0, 10))
def test_a_panel_until_a_period_knows_no_later_one(end: int) -> None:
    some = three().until(end)
    assert len(some.periods) == end
    for name, array in some.arrays.items():
        assert np.array_equal(array, three().arrays[name][:, :end])


def test_a_panel_without_families_has_no_arrays_of_them() -> None:
    some = replace(three(), families=None, largest=None)
    for cut in (some, some.select([1]), some.until(4)):
        assert list(cut.arrays) == ["count", "of", "capped"]
        assert cut.families is None


def test_an_uncapped_panel_counts_large_families_in_full() -> None:
    assert np.array_equal(three().uncapped().capped, three().count)
    assert np.array_equal(three().uncapped().count, three().count)


def test_series_are_found_by_their_kind() -> None:
    assert three().is_kind("flow", "share").tolist() == [True, False, True]
    assert three().is_kind("stock").tolist() == [False, True, False]
    assert three().select([]).is_kind("flow").tolist() == []


def test_an_unknown_series_has_no_row() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        three().row(SeriesKey("referrals"))


def test_quantiles_are_in_order_and_symmetric_about_the_median() -> None:
    assert list(QUANTILES) == sorted(QUANTILES)
    assert [low + high for low, high in zip(QUANTILES, reversed(QUANTILES), strict=True)] == pytest.approx([1.0] * 9)


def test_trouble_with_a_file_is_one_line_with_its_place_and_remedy() -> None:
    whole = InputError("a.csv", "the date is in 2099", "give it as 2019-01-31", row=12, column="date")
    assert str(whole) == "a.csv, row 12, column date: the date is in 2099; give it as 2019-01-31"
    assert str(InputError("a.csv", "it is empty", "export it again")) == "a.csv: it is empty; export it again"


def test_a_failed_send_says_what_may_be_done() -> None:
    error = SendError("timed out", ambiguous=True, retry_after=2.0)
    assert (str(error), error.permanent, error.ambiguous, error.retry_after) == ("timed out", False, True, 2.0)


def test_an_alert_knows_the_series_it_is_about() -> None:
    day = dt.date(2018, 1, 8)
    alert = Alert(
        "a", "surge", "plan_starts", NORTH.slice, "up", "low", "opened", day, day, day, 1, 1, 1, 1, 0.1, 1, 1
    )  # fmt: skip
    assert alert.key == NORTH


def test_a_message_as_text_lines_its_labels_up() -> None:
    message = Message(
        "a", "Plan starts are surging", "high", "Summary.", (Line("Why", "A."), Line("Where", "B.")), "To"
    )
    assert message.text == "Plan starts are surging\nSummary.\nWhy    A.\nWhere  B.\nTo"
    assert Message("a", "H", "low", "S", (), "E").text == "H\nS\nE"


def test_a_target_is_written_with_its_address() -> None:
    assert (str(Target("slack", "C0")), str(Target("console"))) == ("slack:C0", "console")


def test_a_numpy_day_becomes_a_plain_date() -> None:
    assert as_date(np.datetime64("2018-01-08")) == dt.date(2018, 1, 8)
    assert as_date(np.datetime64("2018-01")) == dt.date(2018, 1, 1)
    assert as_date(dt.date(2018, 1, 8)) == dt.date(2018, 1, 8)
