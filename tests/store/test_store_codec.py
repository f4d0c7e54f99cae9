"""What goes into the store as text or bytes comes out the same."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from store_cases import alert, forecasts, message, panel, signal

from forecaster.messages import Chart, Message
from forecaster.store.codec import (
    forecasts_from_bytes,
    forecasts_to_bytes,
    from_text,
    panel_from_bytes,
    panel_to_bytes,
    slice_from_text,
    slice_to_text,
    to_text,
)
from forecaster.types import QUANTILES, Alert, Benchmark, Counted, Forecasts, NotRun, Panel, SeriesKey, Signal, Stays

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
st.register_type_strategy(float, FLOATS)
st.register_type_strategy(dt.datetime, st.datetimes().map(lambda moment: moment.replace(tzinfo=dt.UTC, fold=0)))


def same(one: Any, other: Any) -> bool:
    """Equal, where NaN equals NaN: repr tells every float apart and every NaN alike, but has two names for UTC."""
    return repr(one).replace("TzInfo(0)", "datetime.timezone.utc") == repr(other)


FIGURES = st.dictionaries(st.text(), FLOATS)
PUBLISHED = st.builds(Benchmark, values=FIGURES, sizes=FIGURES, names=st.dictionaries(st.text(), st.text()))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(PUBLISHED | st.one_of(st.from_type(kind) for kind in (Alert, Message, Chart, Signal, NotRun)))
def test_every_dataclass_comes_back_as_it_went(value: Any) -> None:
    assert same(from_text(type(value), to_text(value)), value)


def test_a_number_that_is_not_there_stays_not_a_number() -> None:
    back = from_text(Signal, to_text(signal(lower=math.nan, score=math.inf)))
    assert math.isnan(back.lower)
    assert back.score == math.inf


def test_a_message_keeps_its_chart_with_its_gaps() -> None:
    days = (dt.date(2018, 1, 1), dt.date(2018, 1, 8))
    drawn = Chart("Plan starts", "children", days, (3.0, math.nan), (False, True), (6.0, 6.0), (2.0, 2.0), (12.0, 12.0))
    back = from_text(Message, to_text(dataclasses.replace(message(), chart=drawn)))
    assert back.chart is not None
    assert back.chart.periods == days
    assert same(back.chart.observed, (3.0, math.nan))


def test_text_survives_whatever_is_in_it() -> None:
    odd = alert(text="Zoë's “plan” \\ \x00 \n 🙂 \u2028")
    assert from_text(Alert, to_text(odd)) == odd


def test_text_has_no_character_that_a_database_refuses() -> None:
    assert to_text(alert(text="\x00🙂")).isascii()
    assert "\x00" not in to_text(alert(text="\x00🙂"))


def test_an_alert_of_an_older_version_gets_the_defaults_of_what_it_lacks() -> None:
    older = to_text(alert()).replace('"calm": 0, ', "")
    assert from_text(Alert, older) == alert()


@pytest.mark.parametrize("broken", ["", "{}", "[]", '{"id": 1}'])
def test_a_text_that_is_no_alert_is_refused(broken: str) -> None:
    with pytest.raises(ValidationError):
        from_text(Alert, broken)


def test_a_word_that_the_house_does_not_use_is_refused() -> None:
    with pytest.raises(ValidationError):
        from_text(Alert, to_text(alert()).replace('"opened"', '"reopened"'))


@settings(derandomize=True)
@given(st.lists(st.tuples(st.text(), st.text()), max_size=3).map(tuple))
def test_a_slice_comes_back_as_it_went(value: tuple[tuple[str, str], ...]) -> None:
    assert slice_from_text(slice_to_text(value)) == value


def shaped(series: int, periods: int) -> st.SearchStrategy[np.ndarray]:
    size = series * periods
    return st.lists(FLOATS, min_size=size, max_size=size).map(lambda v: np.array(v, float).reshape(series, periods))


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    series, weeks = draw(st.integers(0, 3)), draw(st.integers(0, 4))
    keys = tuple(draw(st.lists(st.from_type(SeriesKey), min_size=series, max_size=series)))
    kinds = tuple(draw(st.sampled_from(["flow", "stock", "share"])) for _ in keys)
    step = draw(st.sampled_from(["week", "month"]))
    periods = np.datetime64("2018-01-01") + 7 * np.arange(weeks)
    count, of, capped = (draw(shaped(series, weeks)) for _ in range(3))
    families, largest = (draw(shaped(series, weeks)) for _ in range(2)) if draw(st.booleans()) else (None, None)
    return Panel(keys, kinds, periods, step, count, of, capped, draw(st.integers(0, 4)), families, largest)


def same_panel(one: Panel, other: Panel) -> bool:
    plain = ("keys", "kinds", "step", "provisional")
    arrays = {**one.arrays, "periods": one.periods}, {**other.arrays, "periods": other.periods}
    return (
        arrays[0].keys() == arrays[1].keys()
        and all(np.array_equal(array, arrays[1][name], equal_nan=True) for name, array in arrays[0].items())
        and all(getattr(one, name) == getattr(other, name) for name in plain)
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(panels())
def test_every_panel_comes_back_as_it_went(value: Panel) -> None:
    back = panel_from_bytes(panel_to_bytes(value))
    assert same_panel(back, value)
    assert back.count.shape == value.count.shape
    assert back.periods.dtype == value.periods.dtype


def test_the_same_panel_gives_the_same_bytes() -> None:
    assert panel_to_bytes(panel()) == panel_to_bytes(panel())


def test_the_stays_behind_a_panel_are_not_kept() -> None:
    """They are for forecasts of the moment: a store that is copied has no stay of anybody in it."""
    one = np.array([3], np.int64)
    stays = Stays(one, one + 1, {"team": (("secret team",), one - 3)}, {"open": Counted(one, 0, "", "")})
    body = panel_to_bytes(dataclasses.replace(panel(), stays=stays))
    assert body == panel_to_bytes(panel())
    assert panel_from_bytes(body).stays is None


def test_a_panel_takes_less_room_than_its_numbers() -> None:
    counts = np.random.default_rng(1).poisson(3, (200, 300)).astype(float)
    keys = tuple(SeriesKey("referrals", (("team", f"Team {i}"),)) for i in range(200))
    periods = np.datetime64("2018-01-01") + 7 * np.arange(300)
    wide = Panel(keys, ("flow",) * 200, periods, "week", counts, np.full_like(counts, np.nan), counts)
    assert len(panel_to_bytes(wide)) < counts.nbytes / 4


def test_forecasts_come_back_as_they_went() -> None:
    made = forecasts()
    back = forecasts_from_bytes(forecasts_to_bytes(made))
    assert np.array_equal(back.values, made.values)
    assert np.array_equal(back.periods, made.periods)
    assert (back.keys, back.origin, back.models) == (made.keys, made.origin, made.models)
    assert back.not_run == made.not_run


def test_forecasts_keep_their_coverage_and_leave_their_draws() -> None:
    made = dataclasses.replace(forecasts(), coverage=np.array([0.93, np.nan]), draws=np.ones((2, 4, 3)))
    back = forecasts_from_bytes(forecasts_to_bytes(made))
    assert back.coverage is not None and np.array_equal(back.coverage, [0.93, np.nan], equal_nan=True)
    assert back.draws is None
    assert forecasts_from_bytes(forecasts_to_bytes(forecasts())).coverage is None


# Plan starts of the week of 8 January 2018, as kept before forecasts knew their coverage.
OLDER = base64.b64decode(
    "UEsDBC0AAAAIAAAAIQBmMl9H//////////8IABQAaGVhZC5ucHkBABAA+AAAAAAAAAClAAAAAAAAAJ2NQQrCMBBF69ZThNlEIULTlfQA7hQ3"
    "LqQpJbSjFtOkZFJBak/hhY31Bg5/89/8+fM+nPbH8yJ5JCNvkGrPc8Zfg+SC8YvzwWtbOd/gl++0IYycbrrH6FcyS8VasIn9PcsR7vgkyFkB"
    "o4IONQ0eVfQKehN/U9A+kAIRAZm2nndFOUEpGDjfXlsbAWSp3G5SGRWT0LkGza+0doMNNKetC5Uf7O/+A1BLAwQtAAAACAAAACEAG/ytYP//"
    "////////CwAUAHBlcmlvZHMubnB5AQAQAIgAAAAAAAAATAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBu42sR7RKrrqOgnpZfVFKUmBef"
    "X5SSCpJyS8wpTgWKF2ckFqQC+RqGOpo6CrUK5AKuZhcGMAAAUEsDBC0AAAAIAAAAIQC445Vp//////////8KABQAdmFsdWVzLm5weQEAEADI"
    "AAAAAAAAAGAAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNmoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkahjoKQGSpqaNQ"
    "q0Ae4GJAAR/soQwHCMUBpQWgtAiUloDSMlBawQEAUEsBAi0DLQAAAAgAAAAhAGYyX0elAAAA+AAAAAgAAAAAAAAAAAAAAIABAAAAAGhlYWQu"
    "bnB5UEsBAi0DLQAAAAgAAAAhABv8rWBMAAAAiAAAAAsAAAAAAAAAAAAAAIAB3wAAAHBlcmlvZHMubnB5UEsBAi0DLQAAAAgAAAAhALjjlWlg"
    "AAAAyAAAAAoAAAAAAAAAAAAAAIABaAEAAHZhbHVlcy5ucHlQSwUGAAAAAAMAAwCnAAAABAIAAAAA"
)  # fmt: skip


def test_forecasts_of_an_older_version_can_still_be_read() -> None:
    back = forecasts_from_bytes(OLDER)
    assert (back.keys, back.origin, back.models) == ((SeriesKey("plan_starts"),), dt.date(2018, 1, 1), ("counts",))
    assert back.values.tolist() == [[[0, 1, 2, 3, 4, 5, 6, 7, 8]]]
    assert back.coverage is None and back.draws is None


def test_forecasts_of_nothing_come_back_too() -> None:
    made = Forecasts((), dt.date(2018, 1, 1), np.array([], "datetime64[D]"), np.empty((0, 0, len(QUANTILES))), ())
    back = forecasts_from_bytes(forecasts_to_bytes(made))
    assert back.values.shape == (0, 0, len(QUANTILES))
    assert back.origin == dt.date(2018, 1, 1)


def test_bytes_that_hold_python_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        panel_to_bytes(dataclasses.replace(panel(), count=np.array([object()])))
