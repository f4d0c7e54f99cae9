"""`detect` and `forecast`: a totals CSV in, a CSV out, nothing stored."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from e2e_council import START, SURGE, WEEK, totals
from e2e_office import Office

EXAMPLE = Path(__file__).parents[2] / "data" / "examples" / "herefordshire_referrals.csv"
JUDGED = ["expected", "lower", "upper", "p_value", "score", "alarm", "reason"]
QUANTILES = [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975]


def detect(office: Office, path: object, *options: object, last: int = 10, output: str = "out.csv") -> pd.DataFrame:
    office.forecaster("detect", path, "--last", last, "--output", output, *options).done()
    assert not office.database.exists()
    return pd.read_csv(office.folder / output, keep_default_na=False, na_values={"count": "", "score": ""})


def forecast(office: Office, path: object, *options: object, horizon: int = 6) -> pd.DataFrame:
    office.forecaster("forecast", path, "--horizon", horizon, "--output", "f.csv", *options).done()
    return pd.read_csv(office.folder / "f.csv")


def shares(weeks: int = 130, jump: float = 0.6) -> Iterable[str]:
    """Shares of 40 near a fifth, until the last five weeks."""
    yield "week,measure,team,count,of"
    rng = np.random.default_rng(2)
    for week in range(weeks):
        chance = jump if week >= weeks - 5 else 0.2
        yield f"{START + week * WEEK},repeats,North,{rng.binomial(40, chance)},40"


# detect


def test_the_step_of_herefordshires_referrals_is_found_in_the_spring_of_2017_and_not_before(office: Office) -> None:
    found = detect(office, EXAMPLE, last=84)
    assert list(found.columns) == ["measure", "month", "count", *JUDGED]
    assert len(found) == 84 and (found["reason"] == "").all()
    alarms = found.loc[found["alarm"] == 1, "month"]
    assert alarms.between("2017-04-01", "2017-05-01").any()
    assert not alarms.between("2016-04-01", "2017-03-01").any()


def test_every_alarm_is_at_the_rate_asked_for(office: Office) -> None:
    found = detect(office, EXAMPLE, last=84).merge(
        detect(office, EXAMPLE, "--alpha", 0.1, last=84), on="month", suffixes=("", "_more")
    )
    assert (found["alarm"] == (found["p_value"].astype(float) <= 0.01)).all()
    assert (found["alarm_more"] == (found["p_value"].astype(float) <= 0.1)).all()
    assert found["alarm_more"].sum() > found["alarm"].sum()


def test_the_score_rises_as_the_evidence_does(office: Office) -> None:
    found = detect(office, EXAMPLE, last=84).sort_values("score")
    assert found["p_value"].astype(float).is_monotonic_decreasing
    assert (found["lower"].astype(float) <= found["expected"].astype(float)).all()
    assert (found["expected"].astype(float) <= found["upper"].astype(float)).all()


def test_a_period_is_judged_by_earlier_ones_only(office: Office) -> None:
    lines = list(totals())
    office.write("all.csv", *lines)
    office.write("some.csv", *lines[:-4])
    later, earlier = detect(office, "all.csv", last=10), detect(office, "some.csv", last=6)
    pd.testing.assert_frame_equal(later.iloc[:6].reset_index(drop=True), earlier)


def test_the_order_of_rows_does_not_matter(office: Office) -> None:
    head, *rows = totals()
    office.write("in order.csv", head, *rows)
    office.write("in any order.csv", head, *np.random.default_rng(1).permutation(rows))
    pd.testing.assert_frame_equal(detect(office, "in order.csv"), detect(office, "in any order.csv"))


def test_a_surge_is_found_upwards_and_a_fall_downwards_and_both_in_both(office: Office) -> None:
    office.write("up.csv", *totals(weeks=125))
    office.write("down.csv", *totals(weeks=125, around=(9, 6, 4, 3, 5)))
    alarms = {
        (name, side): int(detect(office, f"{name}.csv", "--direction", side, last=4)["alarm"].sum())
        for name in ("up", "down")
        for side in ("up", "down", "both")
    }
    assert alarms["up", "up"] and alarms["up", "both"] and alarms["down", "down"] and alarms["down", "both"]
    assert not alarms["up", "down"] and not alarms["down", "up"]


def test_shares_have_their_denominator_and_their_breakdowns_in_the_output(office: Office) -> None:
    office.write("shares.csv", *shares())
    found = detect(office, "shares.csv")
    assert list(found.columns) == ["measure", "team", "week", "count", "of", *JUDGED]
    assert set(found["team"]) == {"North"} and set(found["of"]) == {40}
    assert found["alarm"].tolist()[-1] == 1 and found["alarm"].tolist()[:5] == [0] * 5
    assert found["expected"].astype(float).between(0, 1).all()


def test_every_series_has_its_rows_and_those_that_cannot_be_judged_a_reason(office: Office) -> None:
    office.write("two.csv", *totals(weeks=125), *(f"{START + week * WEEK},new,7" for week in range(110, 125)))
    found = detect(office, "two.csv", last=5)
    assert found["measure"].value_counts().to_dict() == {"referrals": 5, "new": 5}
    new = found[found["measure"] == "new"]
    assert new["score"].isna().all() and (new["alarm"] == 0).all() and (new["reason"].str.len() > 10).all()
    assert (found.loc[found["measure"] == "referrals", "reason"] == "").all()


def test_a_series_too_short_says_how_much_is_needed(office: Office) -> None:
    office.write("short.csv", "week,measure,count", "2024-01-01,a,3", "2024-01-08,a,4")
    found = detect(office, "short.csv", last=2)
    assert found["reason"].tolist() == [f"too little history: {n} periods, 104 needed" for n in (0, 1)]


def test_how_much_history_is_needed_is_config(office: Office) -> None:
    office.write("totals.csv", *totals(weeks=60))
    assert (detect(office, "totals.csv")["reason"] != "").all()
    office.configure("[detection]\nmin_history_weeks = 40\n")
    assert (detect(office, "totals.csv")["reason"] == "").all()


def test_a_gap_is_missing_unless_the_file_says_zero(office: Office) -> None:
    head, *rows = totals(weeks=125)
    office.write("gaps.csv", head, *rows[:-3], *rows[-2:])
    gap, zero = (detect(office, "gaps.csv", "--missing", what, last=4).iloc[1] for what in ("gap", "zero"))
    assert np.isnan(gap["count"]) and np.isnan(gap["score"]) and gap["reason"]
    assert zero["count"] == 0 and zero["score"] >= 0 and zero["reason"] == ""


def test_gzipped_files_are_read_and_written(office: Office) -> None:
    (office.folder / "in.csv.gz").write_bytes(gzip.compress(EXAMPLE.read_bytes()))
    packed = detect(office, "in.csv.gz", last=12, output="out.csv.gz")
    assert (office.folder / "out.csv.gz").read_bytes().startswith(b"\x1f\x8b")
    pd.testing.assert_frame_equal(packed, detect(office, EXAMPLE, last=12))


BAD = {
    "a Tuesday": (["week,measure,count", "2024-01-01,a,3", "2024-01-09,a,4"], ("row 3", "not a Monday", "2024-01-08")),
    "a day in a month": (["month,measure,count", "2024-01-02,a,3"], ("row 2", "not the 1st", "2024-01-01")),
    "a negative count": (["week,measure,count", "2024-01-01,a,-3"], ("row 2", "column count", "negative")),
    "more than all": (["week,measure,count,of", "2024-01-01,a,5,4"], ("row 2", "column of", "less than count")),
    "two counts": (["week,measure,count", "2024-01-01,a,5", "2024-01-01,a,6"], ("row 3", "keep the row that is right")),
    "weeks and months": (["week,month,measure,count", "2024-01-01,2024-01-01,a,5"], ("row 1", "keep one of them")),
    "no period": (["measure,count,date", "a,5,2024-01-01"], ("; ",)),
    "no rows": (["week,measure,count"], ("there is no total in it",)),
    "events": (["child_id,event,date", "1,referral,2024-01-08"], ("this is events_csv, not totals",)),
}  # fmt: skip


@pytest.mark.parametrize("trouble", BAD)
@pytest.mark.parametrize("command", [("detect", "--last", 2), ("forecast", "--horizon", 2)])
def test_a_bad_file_is_one_line_and_writes_nothing(office: Office, trouble: str, command: tuple[str, object]) -> None:
    lines, words = BAD[trouble]
    office.write("bad.csv", *lines)
    line = office.forecaster(*command, "bad.csv", "--output", "out.csv").refused()
    assert line.startswith("bad.csv") and all(word in line for word in words), line
    assert not list(office.folder.glob("*out*"))


def test_a_folder_that_is_not_there_is_one_line(office: Office) -> None:
    line = office.forecaster("detect", EXAMPLE, "--last", 2, "--output", "nowhere/out.csv").refused()
    assert "nowhere" in line and "check the path" in line


# forecast


def test_a_forecast_has_its_columns_and_quantiles_in_order(office: Office) -> None:
    found = forecast(office, EXAMPLE)
    assert list(found.columns) == ["measure", "origin", "month", "quantile", "value", "model"]
    assert found["quantile"].tolist() == QUANTILES * 6
    assert found["month"].unique().tolist() == [f"2023-{month:02}-01" for month in range(4, 10)]
    assert set(found["origin"]) == {"2023-03-01"}
    (made,) = set(found["model"])
    weights = [int(share) for share in re.findall(r"(?:levels|counts|prophet) (\d+)%", made)]
    assert made in ("levels", "counts", "prophet") or sum(weights) in (99, 100, 101), made  # a single one has no weight
    assert all(group["value"].is_monotonic_increasing for _, group in found.groupby("month"))


def test_a_forecast_from_several_origins_sees_no_further_than_each(office: Office) -> None:
    origins = ("2017-03-01", "2018-03-01")
    found = forecast(office, EXAMPLE, *(word for origin in origins for word in ("--origin", origin)), horizon=3)
    assert found.groupby("origin")["month"].unique().str.join(" ").to_dict() == {
        "2017-03-01": "2017-04-01 2017-05-01 2017-06-01",
        "2018-03-01": "2018-04-01 2018-05-01 2018-06-01",
    }
    cut = [line for line in EXAMPLE.read_text().splitlines() if line < "2017-03-02" or line.startswith("month")]
    office.write("cut.csv", *cut)
    alone = forecast(office, "cut.csv", horizon=3)
    assert found.loc[found["origin"] == origins[0], "value"].tolist() == alone["value"].tolist()


def test_a_forecast_is_never_negative(office: Office) -> None:
    rare = np.random.default_rng(3).poisson(0.3, size=130)
    office.write("rare.csv", "week,measure,count", *(f"{START + w * WEEK},a,{n}" for w, n in enumerate(rare)))
    assert (forecast(office, "rare.csv", horizon=13)["value"] >= 0).all()


@pytest.mark.parametrize("model", ["levels", "counts", "prophet"])
def test_a_model_may_be_asked_alone(office: Office, model: str) -> None:
    found = forecast(office, EXAMPLE, "--model", model, horizon=2)
    assert set(found["model"]) == {model} and (found["value"] >= 0).all()


def test_a_model_that_knows_too_little_says_so_and_writes_no_gaps(office: Office) -> None:
    """Config lets a series be judged after 30 weeks; Prophet wants two years."""
    office.configure("[detection]\nmin_history_weeks = 30\n")
    office.write("short.csv", *totals(weeks=60))
    said = office.forecaster("forecast", "short.csv", "--model", "prophet", "--horizon", 2, "--output", "f.csv").done()
    assert "too little history for prophet" in said.err
    assert forecast(office, "short.csv", horizon=60)["value"].notna().all()


def test_slices_of_a_file_add_up_to_its_council(office: Office) -> None:
    """Their medians need not; what is told of the whole is within reach of what is told of its parts."""
    rng = np.random.default_rng(4)
    lines = ["week,measure,team,count"]
    for week in range(130):
        parts = rng.poisson([12, 5])
        day = START + week * WEEK
        lines += [f"{day},a,,{parts.sum()}", f"{day},a,North,{parts[0]}", f"{day},a,South,{parts[1]}"]
    office.write("teams.csv", *lines)
    found = forecast(office, "teams.csv").fillna({"team": ""})
    median = found[found["quantile"] == 0.5].groupby("team")["value"].mean()
    assert median[""] == pytest.approx(median["North"] + median["South"], abs=1.5)
    assert (found["value"] == found["value"].round()).all()


def test_the_same_forecast_twice_is_the_same_file(office: Office) -> None:
    office.write("totals.csv", *totals())
    first, second = (forecast(office, "totals.csv", horizon=13) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert first["week"].iloc[0] == str(SURGE + 10 * WEEK)


@pytest.mark.parametrize("origin", ["2017-03-02", "2037-03-01", "1999-03-01"])
def test_an_origin_that_the_file_does_not_have_is_one_line(office: Office, origin: str) -> None:
    line = office.forecaster("forecast", EXAMPLE, "--horizon", 2, "--output", "f.csv", "--origin", origin).refused()
    assert line == f"--origin: {origin} is not a period of the file; give the 1st of a month that it has"


def test_a_series_that_cannot_be_forecast_is_named_with_its_reason(office: Office) -> None:
    office.write("two.csv", *totals(weeks=125), *(f"{START + week * WEEK},new,7" for week in range(110, 125)))
    said = office.forecaster("forecast", "two.csv", "--horizon", 2, "--output", "f.csv").done()
    assert "1 series not forecast" in said.out and "not forecast: new: " in said.err
    assert set(pd.read_csv(office.folder / "f.csv")["measure"]) == {"referrals"}
