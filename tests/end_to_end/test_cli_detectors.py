"""`detect --detector`: the textbook methods beside the service's own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from e2e_council import START, WEEK
from e2e_office import Office

WEEKS = 290


def referrals() -> Iterator[str]:
    """Seven years near 20 a week, twice as many in the newest three weeks, and a share beside them."""
    yield "week,measure,count,of"
    rng = np.random.default_rng(6)
    for week in range(WEEKS):
        mean = 45 if week >= WEEKS - 3 else 20
        yield f"{START + week * WEEK},referrals,{rng.poisson(mean)},"
        yield f"{START + week * WEEK},repeats,{rng.binomial(40, 0.2)},40"


def detect(office: Office, *options: object) -> pd.DataFrame:
    office.write("totals.csv", *referrals())
    office.forecaster("detect", "totals.csv", "--last", 5, "--output", "out.csv", *options).done()
    return pd.read_csv(office.folder / "out.csv", keep_default_na=False, na_values={"count": "", "score": ""})


@pytest.mark.parametrize("detector", ["surge", "farrington", "ears_c1", "ears_c2", "ears_c3"])
def test_every_method_for_counts_finds_the_surge(office: Office, detector: str) -> None:
    found = detect(office, "--detector", detector)
    counts = found[found["measure"] == "referrals"]
    assert (counts["reason"] == "").all()
    assert counts["alarm"].tolist()[-3:].count(1) >= 1
    assert counts["expected"].astype(float).tolist()[0] == pytest.approx(20, rel=0.3)


def test_what_a_method_does_not_judge_has_its_rows_and_a_reason(office: Office) -> None:
    found = detect(office, "--detector", "farrington")
    repeats = found[found["measure"] == "repeats"]
    assert repeats["reason"].tolist() == ["farrington does not judge a share"] * 5
    assert repeats["score"].isna().all() and (repeats["alarm"] == 0).all()
    assert (repeats["count"].notna() & repeats["of"].ne("")).all()


def test_without_a_method_counts_are_judged_by_surge_and_shares_by_drift(office: Office) -> None:
    usual = detect(office).set_index(["measure", "week"])
    for detector, measure in (("surge", "referrals"), ("drift", "repeats")):
        chosen = detect(office, "--detector", detector).set_index(["measure", "week"])
        assert usual.loc[measure, "score"].tolist() == chosen.loc[measure, "score"].tolist()


def test_a_method_that_there_is_not_is_told_those_that_there_are(office: Office) -> None:
    office.write("totals.csv", *referrals())
    line = office.forecaster(
        "detect", "totals.csv", "--last", 5, "--output", "out.csv", "--detector", "cusum"
    ).refused()
    assert "cusum" in line and "farrington" in line
