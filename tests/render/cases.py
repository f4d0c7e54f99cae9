"""Alerts and contexts of every kind, made from a seed: what the tests of words, pictures and channels speak about."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from forecaster.calendar import to_utc
from forecaster.messages import Message, Telling
from forecaster.types import Alert, Change, Driver, Floats, State, Transition
from forecaster.words.context import Ahead, Comparison, Context, Families, History, Linked, YearEnd
from forecaster.words.render import message, stamped, tell

MONDAY = dt.date(2018, 1, 8)
ONSET = dt.date(2017, 11, 20)


def weeks(count: int, last: dt.date = MONDAY) -> np.ndarray:
    return np.datetime64(last, "D") - 7 * np.arange(count)[::-1]


def months(count: int, last: dt.date = dt.date(2017, 5, 1)) -> np.ndarray:
    return (np.datetime64(last, "M") - np.arange(count)[::-1]).astype("datetime64[D]")


def history(mean: float = 40.0, surge: float = 1.6, length: int = 208, since: int = 8, seed: int = 7) -> History:
    """Weekly counts with a surge in the newest `since` weeks."""
    level = np.full(length, float(mean))
    level[length - since :] *= surge
    count = np.random.default_rng(seed).poisson(level).astype(float)
    expected, half = np.full(length, mean), np.full(length, 2.2 * mean**0.5)
    return History(weeks(length), count, expected, np.maximum(expected - half, 0), expected + half)


def share_history(
    rate: float = 0.2, of: float = 60.0, length: int = 156, drift: float = 0.12, seed: int = 3
) -> History:
    """A weekly share that drifts up over the newest half year."""
    rng = np.random.default_rng(seed)
    truth = rate + drift * np.clip((np.arange(length) - length + 26) / 26, 0, 1)
    denominator = rng.poisson(of, length).astype(float)
    count = rng.binomial(denominator.astype(int), truth).astype(float)
    half = 2 * np.sqrt(rate * (1 - rate) / of)
    flat = np.full(length, rate)
    return History(weeks(length), count, flat, flat - half, flat + half, of=denominator)


def ahead(median: float = 45.0, half: float = 12.0, length: int = 13) -> Ahead:
    periods = np.datetime64(MONDAY, "D") + 7 * np.arange(1, length + 1)
    flat: Floats = np.full(length, median)
    return Ahead(periods, flat - half, flat, flat + half)


def alert(past: History | None = None, **changes: object) -> Alert:
    """An alert on the newest week of a history, its totals those of the history."""
    past = past or history()
    onset = changes.get("onset", ONSET)
    assert isinstance(onset, dt.date)
    start = past.end(onset) - 1
    total, expected = float(past.count[start:].sum()), float((past.expected * past.weight)[start:].sum())
    made = Alert(
        id="a1", kind="surge", measure="plan_starts", slice=(), direction="up", severity="high", state="opened",
        opened=MONDAY, onset=onset, updated=MONDAY, observed=float(past.value[-1]), expected=float(past.expected[-1]),
        lower=float(past.lower[-1]), upper=float(past.upper[-1]), p_value=1e-5, total=total, total_expected=expected,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def drivers(excess: float, *named: tuple[str, float, float]) -> tuple[Driver, ...]:
    """Drivers from (name, value, observed): slices begin with a breakdown, everything else is a stage."""
    kinds = ("breakdown" if "=" in name.partition(", ")[0] else "stage" for name, _, _ in named)
    return tuple(
        Driver(kind, name, value, value / excess, observed)  # type: ignore[arg-type]
        for kind, (name, value, observed) in zip(kinds, named, strict=True)
    )


def families(past: History) -> Families:
    """Usually 1.7 children a family; in a surge of eight weeks more families of one child, and some large groups."""
    surge = np.arange(len(past.count)) >= len(past.count) - 8
    return Families(np.ceil(past.count * np.where(surge, 0.66, 0.58)), np.where(surge, 6.0, 4.0))


def context(past: History | None = None, **changes: object) -> Context:
    """Everything a surge of plan starts can say."""
    made = Context(
        title="Child protection plan starts", noun="children started a plan", one="child started a plan", kind="flow",
        step="week", period=MONDAY, council="Herefordshire", history=past or history(), ahead=ahead(),
        year_end=YearEnd(dt.date(2018, 3, 31), 2210, 2340, 2470, 2050, more=0.9991),
        comparison=Comparison(
            2017, neighbours=51.0, council=45.1, england=56.3, unit="rate", age=9, rank=(8, 11), ends=2018,
            likely=(47.9, 54.1), above=0.55, above_england=0.04,
        ),
        level=44.6, families=families(past or history()),
        ask="Who chaired the strategy meetings {where}, and was the threshold document applied? Review {plans}.",
        data_to=dt.date(2018, 1, 14), provisional=True, extract="received 15 January", coverage=0.948,
        model="levels 61%, counts 39%",
        config="1a2b3c", budget=(3, 6),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def surge() -> tuple[Alert, Context]:
    past = history()
    found = alert(past)
    excess = found.total - found.total_expected
    named = drivers(
        excess,
        ("referral", excess * 0.2, 300), ("section_47 to conference", excess * 0.66, 90),
        ("section_47 to conference, team=Team 2", excess * 0.6, 90),
        ("locality=North locality, team=Team 2", excess * 0.62, 140), ("since_plan=under 6 months", excess * 0.3, 70),
        ("locality=North locality", excess * 0.7, 210), ("locality=City", excess * 0.2, 160),
        ("locality=Golden Valley", excess * 0.1, 4), ("locality=South Wye", 0.0, 120),
        ("team=Team 2", excess * 0.65, 150), ("team=Team 4", excess * 0.2, 80), ("team=Team 9", excess * 0.15, 60),
        ("category=Neglect", excess * 0.6, 250), ("category=Emotional abuse", excess * 0.4, 200),
        ("age_band=0-4", excess * 0.5, 250), ("age_band=5-9", excess * 0.5, 100),
    )  # fmt: skip
    return replace(found, drivers=named), context(past)


def drift() -> tuple[Alert, Context]:
    past = share_history()
    found = alert(
        past, kind="drift", measure="repeat_plans", severity="medium", onset=dt.date(2017, 8, 7), lower=0.175,
        upper=0.226,
    )  # fmt: skip
    excess = found.total - found.total_expected
    named = drivers(
        excess, ("repeat_plans", excess, 353), ("since_plan=under 6 months", excess * 0.7, 90),
        ("locality=Leominster", excess * 0.6, 100), ("category=Neglect", excess * 0.5, 150),
    )  # fmt: skip
    about = context(
        past, title="Second or subsequent plans", noun="children started a second or later plan",
        one="child started a second or later plan", unit="plan starts", kind="share",
        ahead=None, families=None, model="the level of the last 52 weeks",
        year_end=YearEnd(dt.date(2018, 3, 31), 0.222, 0.241, 0.262, 0.172, more=0.9999, so_far=0.232, size=3100),
        ask="Who agreed to end the last plans {where}, and what was in place on that day?", level=0.156,
        comparison=Comparison(
            2017, neighbours=0.156, council=0.172, england=0.187, unit="share", age=9, rank=(4, 11), ends=2018,
            likely=(0.143, 0.176), above=0.9991, above_england=0.981,
        ),
    )  # fmt: skip
    return replace(found, drivers=named), about


def fall() -> tuple[Alert, Context]:
    past = history(mean=150, surge=0.6, seed=11)
    found = alert(past, measure="referrals", direction="down", severity="medium", slice=(("source", "Police"),))
    about = context(
        past, title="Referrals", noun="children were referred", one="child was referred", ahead=ahead(135, 28),
        year_end=None, families=None, comparison=None, level=None,
        comparison_reason="the neighbours publish no figures by source",
        ask="What changed in what comes from Police {where}, and are these children still being referred?",
        provisional=False, budget=None,
    )  # fmt: skip
    return found, about


def stock() -> tuple[Alert, Context]:
    past = history(mean=180, surge=1.2, seed=5)
    found = alert(past, measure="plans_open")
    level, usual = past.count[-1], past.expected[-1]
    found = replace(found, total=level, total_expected=usual)
    excess = level - usual
    named = drivers(
        excess, ("plan_end", excess * 0.7, 90), ("plan_start", excess * 0.3, 60), ("rest", excess * 0.0, 0),
        ("locality=North locality", excess * 0.9, 140), ("time_on_plan=12 to 18 months", excess * 0.5, 60),
    )  # fmt: skip
    about = context(
        past, title="Children on a child protection plan", noun="children were on a plan", one="child was on a plan",
        kind="stock", ahead=ahead(246, 20), year_end=YearEnd(dt.date(2018, 3, 31), 222, 244, 265, 172, more=0.9993),
        families=None, model="cohort",
        ask="Which review conferences {where} were late, and which plans could have ended?", level=158.2,
        comparison=Comparison(
            2017, neighbours=43.9, council=47.8, england=43.3, unit="rate", age=9, rank=(4, 11), ends=2018,
            likely=(40.1, 47.6), above=0.996, above_england=0.997,
        ),
        linked=(Linked("Child protection plan starts", "up", dt.date(2017, 10, 23), "a0"),),
    )  # fmt: skip
    as_stock = {name: replace(driver, kind="stock") for driver in named if "=" not in (name := driver.name)}
    return replace(found, drivers=tuple(as_stock.get(driver.name, driver) for driver in named)), about


def neighbours() -> tuple[Alert, Context]:
    _, about = drift()
    found = alert(
        share_history(), kind="neighbours", measure="repeat_plans", severity="low", onset=dt.date(2017, 1, 9),
        observed=0.262, expected=0.214, lower=0.172, upper=0.255, total=81, total_expected=66,
    )  # fmt: skip
    beside = Comparison(
        2017, neighbours=0.214, council=0.262, england=0.187, unit="share", age=9, rank=(2, 11), ends=2018,
        likely=(0.198, 0.237), above=0.97, above_england=0.99,
    )  # fmt: skip
    year_end = replace(about.year_end, lower=0.243, median=0.262, upper=0.281, year_ago=0.256, more=0.71, so_far=0.259)
    return found, replace(about, comparison=beside, level=0.214, year_end=year_end)


def peers() -> tuple[Alert, Context]:
    past = history(mean=60, since=13, seed=4)
    found = alert(
        past, kind="peers", measure="referrals", severity="medium", slice=(("council", "Herefordshire"),),
        onset=dt.date(2017, 10, 16), expected=61.2, lower=50.4, upper=74.3,
    )  # fmt: skip
    found = replace(found, total_expected=13 * 61.2, observed=found.total / 13)
    about = context(
        past, title="Referrals", noun="children were referred", one="child was referred", families=None,
        comparison=None, level=None, ahead=ahead(92, 18), year_end=None,
        ask="Which source sent them, and was the threshold applied as agreed?",
    )  # fmt: skip
    return found, about


def updated() -> tuple[Alert, Context]:
    found, about = surge()
    return replace(found, state="updated"), replace(
        about, now="updated", was="opened", was_severity="medium", told=(dt.date(2017, 12, 25),),
        reason="severity rose from medium to high",
    )  # fmt: skip


def reopened() -> tuple[Alert, Context]:
    """After a snooze that is over, with another place ahead than when it was opened."""
    found, about = surge()
    excess = found.total - found.total_expected
    named = drivers(
        excess, ("referral", excess * 0.9, 300), ("locality=City", excess * 0.8, 210),
        ("locality=North locality", excess * 0.2, 160),
    )  # fmt: skip
    return replace(found, state="updated", drivers=named), replace(
        about, now="updated", was="snoozed", was_severity="high", told=(dt.date(2017, 12, 25),),
        reason="still there after the snooze",
        ask="Which source sends more referrals {where}, and was the threshold applied as agreed?",
    )  # fmt: skip


def resolved() -> tuple[Alert, Context]:
    """A surge of eight weeks of which the newest four were as expected."""
    past = history(seed=9)
    calm = np.random.default_rng(12).poisson(40.0, 4)
    past.count[-4:] = calm
    return _over(past), context(past, now="resolved", was="updated", reason="four weeks in a row as expected")


def _over(past: History) -> Alert:
    """An alert whose figures are those of its last signal, four weeks ago."""
    opened = ONSET + dt.timedelta(weeks=2)
    last = slice(past.end(ONSET) - 1, len(past.count) - 4)
    return replace(
        alert(past), state="resolved", resolved=MONDAY, opened=opened, calm=4, total=float(past.count[last].sum()),
        total_expected=float(past.expected[last].sum()), told=(opened, MONDAY), told_of=(((), ONSET), ((), ONSET)),
    )  # fmt: skip


def stays() -> tuple[Alert, Context]:
    """A surge that ended by becoming what is expected."""
    past = history(seed=9, surge=1.9)
    _, about = resolved()
    return _over(past), replace(about, history=past, ahead=ahead(76, 15), year_end=None)


def low_count() -> tuple[Alert, Context]:
    past = history(mean=2.2, surge=3.0, since=3, seed=2)
    where, onset = (("team", "Leominster"),), dt.date(2017, 12, 25)
    found = alert(past, onset=onset, severity="medium", slice=where)
    excess = found.total - found.total_expected
    named = drivers(excess, ("category=Neglect", excess * 0.7, 11), ("category=Physical abuse", excess * 0.3, 4))
    about = context(
        past, ahead=ahead(3.0, 2.8), families=None, comparison=None, level=None,
        year_end=YearEnd(dt.date(2018, 3, 31), 108, 121, 135, 4, more=0.999),
        ask="Who challenged the strategy meetings before these plans?",
    )  # fmt: skip
    return replace(found, drivers=named), about


CASES = {
    "opened_surge": surge, "opened_drift": drift, "opened_fall": fall, "opened_stock": stock,
    "opened_neighbours": neighbours, "opened_peers": peers, "updated_surge": updated, "reopened_surge": reopened,
    "resolved_surge": resolved, "resolved_stays": stays, "low_count": low_count,
}  # fmt: skip


# What people do


def by_hand(what: Change, now: State = "opened", reason: str = "", actor: str = "A. Patel") -> Transition:
    """What a person did, or nobody, on Friday 19 January."""
    return Transition("t1", "a1", to_utc(dt.date(2018, 1, 19), 9), "opened", now, reason, actor, what)


def answered(
    what: Change, now: State = "opened", reason: str = "", since: dt.date | None = None, **changes: object
) -> Telling:
    """A surge after what a person did about it."""
    found, about = surge()
    after = replace(found, state=now, **changes)  # type: ignore[arg-type]
    return stamped(message(found, about), after, by_hand(what, now, reason), since)


def told_again(case: str) -> Telling:
    """A surge that was opened, acknowledged and assigned, and then changed."""
    held = answered("acknowledged", "acknowledged", "audit under way", held_by="A. Patel").whole
    first = stamped(held, replace(surge()[0], assignee="B. Lee"), by_hand("assigned", "acknowledged", "to B. Lee"))
    return tell(*CASES[case](), before=first.whole)


TELLINGS = {
    "acknowledged": lambda: answered("acknowledged", "acknowledged", "audit under way", held_by="A. Patel"),
    "snoozed": lambda: answered(
        "snoozed", "snoozed", "the audit reports then (until 2018-02-05)", snoozed_until=dt.date(2018, 2, 5)
    ),
    "assigned": lambda: answered("assigned", reason="to B. Lee: leads the audit", assignee="B. Lee"),
    "rated": lambda: answered("not useful", "acknowledged", "one large family, known to us"),
    "escalated": lambda: answered("escalated", since=dt.date(2018, 1, 15), escalated=1),
    "updated_after_answers": lambda: told_again("updated_surge"),
    "reopened_after_snooze": lambda: told_again("reopened_surge"),
    "resolved_after_answers": lambda: told_again("resolved_surge"),
}


def every_message() -> dict[str, Message]:
    """Every kind of message by its name; of a change both the alert as it stands and the news."""
    found = {name: message(*case()) for name, case in CASES.items()}
    for name, telling in TELLINGS.items():
        told = telling()
        assert told.news is not None
        found |= {name: told.whole, f"{name}_news": told.news}
    return found
