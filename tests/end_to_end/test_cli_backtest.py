"""`backtest`: past Mondays as they were, the same bytes each time, and a store that is only read."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from e2e_council import FLOOD, LAST, MONDAY, START, TOLD, WEEK, council, totals, write_events
from e2e_office import TINY, Office, Zygote

KEYS = [
    "id", "kind", "measure", "breakdown", "direction", "severity", "opened", "onset", "updated", "resolved", "state",
    "expected", "observed", "drivers", "text",
]  # fmt: skip
Alerts = list[dict[str, Any]]


def backtest(office: Office, weeks: int = 3, name: str = "alerts.json", **surroundings: Any) -> Alerts:
    office.forecaster("backtest", "--weeks", weeks, "--json", name, **surroundings).done()
    found: Alerts = json.loads((office.folder / name).read_text())
    return found


def text_of(office: Office, name: str = "alerts.json") -> str:
    return (office.folder / name).read_text()


def judged(office: Office, name: str = "alerts.json") -> str:
    """The alerts without what only the live service of that day can say: its extract, and what people answered."""
    live = r"; extract of [^;]+|; \d+ alerts? called not useful in a year \(\d+ accepted\)"
    return re.sub(live, "", text_of(office, name))


def morning(day: dt.date) -> str:
    return f"{day}T06:00:00+00:00"


def test_a_backtest_finds_the_flood_and_leaves_the_store_as_it_was(council_office: Office) -> None:
    before = council_office.dump()
    found = backtest(council_office)
    assert council_office.dump() == before
    [flood] = [alert for alert in found if alert["measure"] == "referrals" and alert["direction"] == "up"]
    assert str(FLOOD) <= flood["opened"] <= str(MONDAY)
    assert "Police" in flood["text"]


def test_an_alert_has_the_form_of_the_contract(council_office: Office) -> None:
    for alert in backtest(council_office):
        assert list(alert) == KEYS
        assert alert["kind"] in ("surge", "drift", "neighbours") and alert["direction"] in ("up", "down")
        assert alert["severity"] in ("low", "medium", "high")
        assert alert["state"] in ("opened", "updated", "acknowledged", "snoozed", "resolved")
        assert all(dt.date.fromisoformat(alert[name]) for name in ("opened", "onset", "updated"))
        assert alert["onset"] <= alert["opened"] <= alert["updated"]
        assert alert["resolved"] is None or dt.date.fromisoformat(alert["resolved"])
        assert isinstance(alert["breakdown"], dict) and isinstance(alert["expected"], float)
        assert alert["observed"] is None or isinstance(alert["observed"], float)
        assert len(alert["text"].splitlines()) >= 3
        for driver in alert["drivers"]:
            assert list(driver) == ["kind", "name", "value", "share"]
            assert driver["kind"] in ("breakdown", "stage", "stock", "benchmark") and driver["name"]


def test_the_alerts_of_the_live_service_have_the_same_form(alerted_office: Office) -> None:
    alerted_office.forecaster("alerts", "--json", "live.json").done()
    live = json.loads(text_of(alerted_office, "live.json"))
    assert live and all(list(alert) == KEYS for alert in live)


def test_a_share_shows_what_was_observed(alerted_office: Office) -> None:
    alerted_office.forecaster("alerts", "--json", "live.json").done()
    drifts = [alert for alert in json.loads(text_of(alerted_office, "live.json")) if alert["kind"] == "drift"]
    [thresholds] = [alert for alert in drifts if alert["measure"] == "referral_nfa"]
    assert thresholds["expected"] < 0.2 < thresholds["observed"] <= 1
    assert all(0 < alert["observed"] < 1 for alert in drifts)


def test_a_backtest_again_gives_the_same_bytes_whatever_the_seed_of_hashes(council_office: Office) -> None:
    """The installed script, twice: a set that is walked in its own order would show."""
    texts = []
    for seed in ("1", "2"):
        said = council_office.script("backtest", "--weeks", 2, "--json", f"{seed}.json", PYTHONHASHSEED=seed)
        said.done()
        texts.append((council_office.folder / f"{seed}.json").read_bytes())
    assert texts[0] == texts[1] and len(json.loads(texts[0])) > 0


def test_a_live_run_tells_what_the_backtest_would_have_told(council_office: Office) -> None:
    council_office.configure(TINY)
    council_office.forecaster("run", "--as-of", LAST).done()
    council_office.forecaster("alerts", "--json", "live.json").done()
    backtest(council_office, weeks=1)
    assert judged(council_office, "live.json") == judged(council_office)


def test_without_json_the_alerts_are_listed(council_office: Office) -> None:
    said = council_office.forecaster("backtest", "--weeks", 2).done()
    found = backtest(council_office, weeks=2)
    assert found and all(said.out.count(f"{alert['id']}\n") == 1 for alert in found)


# Nobody knows what was not known


def test_what_came_in_later_does_not_change_what_an_earlier_monday_saw(
    council_office: Office, office: Office, offices: Any
) -> None:
    early = offices("early")
    early.configure(TINY)
    early.forecaster("ingest", write_events(early.folder / "early.csv", MONDAY), now=morning(MONDAY)).done()
    early.forecaster("run", "--as-of", MONDAY, now=morning(MONDAY)).done()
    council_office.forecaster("run", "--as-of", MONDAY).done()
    for one in (early, council_office):
        one.forecaster("alerts", "--json", "alerts.json").done()
    assert judged(early) == judged(council_office)
    assert json.loads(text_of(early))


def test_events_recorded_late_are_known_from_the_day_they_were_recorded(offices: Any, events_csv: Any) -> None:
    """One extract at the end or two on the way: each Monday knew the same."""
    once, twice = offices("once"), offices("twice")
    for one in (once, twice):
        one.configure(TINY)
    twice.forecaster("ingest", write_events(twice.folder / "early.csv", MONDAY), now=morning(MONDAY)).done()
    for one in (once, twice):
        one.forecaster("ingest", events_csv, now=morning(LAST)).done()
    assert backtest(once) == backtest(twice) != []


def extra_referrals(office: Office, monday: dt.date, recorded: dt.date | None) -> object:
    """A file of 60 further referrals in one week, recorded on a day or on none that it names."""
    column, value = (",recorded", f",{recorded}") if recorded else ("", "")
    rows = (f"late{n},referral,{monday + dt.timedelta(days=n % 5)}{value}" for n in range(60))
    return office.write("extra.csv", f"child_id,event,date{column}", *rows)


@pytest.mark.parametrize("named", [True, False])
def test_events_that_become_known_after_the_last_monday_change_nothing(council_office: Office, named: bool) -> None:
    before = backtest(council_office)
    week, now = LAST - 2 * WEEK, LAST + WEEK
    path = extra_referrals(council_office, week, now if named else None)
    council_office.forecaster("ingest", path, now=morning(now)).done()
    assert backtest(council_office) == before


def test_events_that_were_known_on_the_day_do_change_it(council_office: Office) -> None:
    before = backtest(council_office)
    week = LAST - 2 * WEEK
    path = extra_referrals(council_office, week, week + dt.timedelta(days=5))
    council_office.forecaster("ingest", path).done()
    assert backtest(council_office) != before


def test_a_correction_is_known_from_the_day_it_was_received(council_office: Office) -> None:
    """All referrals get another outcome, after the last Monday: no Monday knew."""
    before = backtest(council_office)
    events = council().events
    changed = events[events["event"] == "referral"].assign(outcome="further_action", source="Housing")
    path = council_office.folder / "corrected.csv"
    changed.to_csv(path, index=False, date_format="%Y-%m-%d")
    said = council_office.forecaster("ingest", path, now=morning(LAST + WEEK)).done()
    assert f"{len(changed)} corrected" in said.out
    assert backtest(council_office) == before


def test_totals_are_replayed_too(crashing: Office) -> None:
    found = backtest(crashing, weeks=10)
    assert [alert["measure"] for alert in found if alert["direction"] == "up"] == ["referrals"]
    assert all(alert["opened"] < str(TOLD) for alert in found if alert["direction"] == "up")


def test_a_week_of_totals_that_came_late_was_not_known_before(office: Office) -> None:
    office.configure(TINY)
    office.forecaster("ingest", office.write("a.csv", *totals(weeks=121)), now=morning(TOLD - 2 * WEEK)).done()
    office.forecaster("ingest", office.write("b.csv", *totals(weeks=122)), now=morning(TOLD)).done()
    said = office.forecaster("run", "--as-of", TOLD - WEEK, now=morning(TOLD)).done()
    assert f"warning: no totals after {TOLD - 3 * WEEK}" in said.err


def test_events_without_dates_of_recording_are_known_from_the_day_they_happened(office: Office) -> None:
    """The first extract of a source brings the history, whenever it came."""
    office.configure(TINY)
    events: pd.DataFrame = council().events.drop(columns="recorded")
    path = office.folder / "plain.csv"
    events.to_csv(path, index=False, date_format="%Y-%m-%d")
    office.forecaster("ingest", path).done()
    assert [alert for alert in backtest(office) if alert["measure"] == "referrals"]


# What was said and what came

LONG = 17  # weeks of totals, so that 13 forecasts of four weeks ahead come due


@pytest.fixture
def counting_office(office: Office, counted: Path) -> Office:
    """An office with weekly totals of one measure."""
    office.configure(TINY)
    office.give(counted)
    return office


@pytest.fixture(scope="session")
def accounted(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote, counted: Path) -> tuple[Path, str]:
    """The folder of a backtest of totals that wrote all there is, and what it said."""
    made = Office(tmp_path_factory.mktemp("accounted"), tmp_path_factory.mktemp("home"), zygote)
    made.configure(TINY)
    made.give(counted)
    said = made.forecaster("backtest", "--weeks", LONG, "--forecasts", "said.csv", "--picture", "said.png").done()
    return made.folder, said.out


def read_account(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "said.csv", keep_default_na=False, na_values=[""])


def account(office: Office, weeks: int) -> pd.DataFrame:
    office.forecaster("backtest", "--weeks", weeks, "--forecasts", "said.csv").done()
    return read_account(office.folder)


def test_the_forecasts_are_scored_against_what_came(accounted: tuple[Path, str]) -> None:
    table = accounted[1].partition("What was said against what came")[2]
    assert re.search(rf"Referrals +1 week +{LONG - 1} +\d\.\d\d +\d+% ", table)
    assert re.search(rf"\n +4 weeks +{LONG - 4} +\d\.\d\d +\d+% ", table)
    assert "13 weeks" not in table  # too few of these have come due
    assert "50% is right" in table
    assert all(len(line) <= 104 for line in table.splitlines())


def test_every_forecast_is_written_with_what_came_of_it(accounted: tuple[Path, str]) -> None:
    table = read_account(accounted[0])
    assert len(table.groupby("origin")) == LONG
    week_after = table[table["ahead"] == 1]
    assert (pd.to_datetime(week_after["period"]) - pd.to_datetime(week_after["origin"])).eq(pd.Timedelta(WEEK)).all()
    known = dict(line.split(",referrals,") for line in list(totals())[1:])
    came = table.dropna(subset=["actual"])
    assert (came["actual"] == came["period"].map(known).astype(float)).all() and len(came) >= 100
    assert ((table["period"] > max(known)) == (table["reason"] == "not yet")).all()
    assert (table["lower95"] <= table["median"]).all() and (table["median"] <= table["upper95"]).all()


def test_what_was_said_is_drawn(accounted: tuple[Path, str]) -> None:
    picture = (accounted[0] / "said.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 30_000


def test_what_came_late_changes_what_came_and_not_what_was_said(counting_office: Office) -> None:
    before = account(counting_office, 3)
    week = START + 128 * WEEK
    late = counting_office.write("late.csv", "week,measure,count", f"{week},referrals,77")
    counting_office.forecaster("ingest", late, now=morning(START + 140 * WEEK)).done()
    after = account(counting_office, 3)
    said = ["origin", "ahead", "period", "median", "lower80", "upper80", "lower95", "upper95", "model"]
    assert after[said].equals(before[said])
    changed = after["actual"].fillna(-1) != before["actual"].fillna(-1)
    assert set(after.loc[changed, "period"]) == {str(week)} and set(after.loc[changed, "actual"]) == {77}


def test_a_small_number_is_in_no_row_of_what_is_written(office: Office) -> None:
    office.configure(TINY)
    rows = (f"{START + week * WEEK},referrals,{(3, 0, 8, 5, 1, 9)[week % 6]}" for week in range(110))
    office.forecaster("ingest", office.write("low.csv", "week,measure,count", *rows)).done()
    table = account(office, 5)
    assert {9} <= set(table["actual"].dropna()) <= {0, 8, 9}
    hidden = table["reason"] == "small number"
    assert hidden.any() and table.loc[hidden, "wis":"held50"].isna().all(axis=None)


def test_the_alerts_are_the_same_bytes_whatever_else_is_written(counting_office: Office) -> None:
    backtest(counting_office, 1, "plain.json")
    counting_office.forecaster("backtest", "--weeks", 1, "--json", "more.json", "--forecasts", "said.csv").done()
    assert text_of(counting_office, "more.json") == text_of(counting_office, "plain.json")


def test_all_flows_and_stocks_of_the_council_are_in_the_account_of_events(council_office: Office) -> None:
    table = account(council_office, 3)
    assert set(table.loc[table["kind"] != "share", "measure"]) == {
        "contacts", "referrals", "section_47", "conferences", "plan_starts", "plan_ends", "plans_open",
        "plans_18_months_plus",
    }  # fmt: skip
    assert not table["actual"].between(1, 5).any()
    provisional = pd.to_datetime(table["period"]) >= pd.Timestamp(LAST - WEEK)
    assert set(table.loc[provisional, "reason"]) <= {"not yet", "small number"}


def test_without_a_forecast_that_has_come_due_there_is_no_score_and_no_picture(counting_office: Office) -> None:
    said = counting_office.forecaster("backtest", "--weeks", 1, "--picture", "said.png")
    assert "too few have come due to be scored, 13 of a kind are needed; replay more weeks" in said.out
    assert said.refused() == "--picture: no forecast has come due yet; replay more weeks"
    assert not (counting_office.folder / "said.png").exists()
