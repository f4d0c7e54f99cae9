"""Weeks, months, working days and school holidays of England; UTC inside, Europe/London outside.

Bank holidays come from the `holidays` library. School holidays follow the usual pattern of English councils, since
terms differ by a few days from council to council and year to year.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from forecaster.types import Dates, Floats, Step, as_date

LONDON = ZoneInfo("Europe/London")
DAY = dt.timedelta(days=1)


def week_start(day: dt.date) -> dt.date:
    """Returns the Monday of the ISO week of a day."""
    return day - dt.timedelta(days=day.weekday())


def period_start(day: dt.date, step: Step) -> dt.date:
    """Returns the first day of the week or month of a day."""
    return week_start(day) if step == "week" else day.replace(day=1)


def last_complete(day: dt.date, step: Step) -> dt.date:
    """Returns the first day of the last period that was over before `day` began."""
    return period_start(period_start(day, step) - DAY, step)


def period_end(start: dt.date, step: Step) -> dt.date:
    """Returns the last day of the period that starts on `start`."""
    return as_date(following(start, 1, step)[0]) - DAY


def period_range(first: dt.date, last: dt.date, step: Step) -> Dates:
    """Returns the first days of all periods from that of `first` to that of `last`, both included."""
    if step == "week":
        return np.arange(np.datetime64(week_start(first)), np.datetime64(week_start(last) + DAY), np.timedelta64(7))
    months = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 1)
    return months.astype("datetime64[D]")


def following(last: dt.date, count: int, step: Step) -> Dates:
    """Returns the first days of the `count` periods after the one that starts on `last`."""
    if step == "week":
        return np.datetime64(last, "D") + 7 * np.arange(1, count + 1)
    return (np.datetime64(last, "M") + np.arange(1, count + 1)).astype("datetime64[D]")


def per_year(step: Step) -> int:
    """Returns the number of periods in a year."""
    return 52 if step == "week" else 12


def year_end(day: dt.date) -> dt.date:
    """Returns the 31 March that closes the financial year of a day."""
    return dt.date(day.year + (day.month > 3), 3, 31)


def closing(last: dt.date, step: Step) -> dt.date:
    """Returns the 31 March that closes the financial year of the period after the one that starts on `last`."""
    return year_end(as_date(following(last, 1, step)[0]))


def opening(closes: dt.date) -> dt.date:
    """Returns the 1 April that opens the financial year of a 31 March."""
    return closes.replace(year=closes.year - 1) + DAY


@lru_cache(maxsize=512)
def bank_holidays(year: int) -> frozenset[dt.date]:
    """Returns England's bank holidays of a year."""
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


@lru_cache(maxsize=512)
def _easter(year: int) -> dt.date:
    found = holidays.country_holidays("GB", subdiv="ENG", years=year).get_named("Easter Monday")
    return found[0] - DAY


def _half_terms(year: int) -> tuple[dt.date, ...]:
    """Mondays of the three half-term weeks: mid-February, the last of May, the last of October."""
    last_of_may, last_of_october = week_start(dt.date(year, 5, 31)), week_start(dt.date(year, 10, 31))
    return week_start(dt.date(year, 2, 18)), last_of_may, last_of_october


@lru_cache(maxsize=16384)
def is_school_holiday(day: dt.date) -> bool:
    """Returns whether English schools are usually shut on a weekday."""
    month_day = (day.month, day.day)
    if (7, 23) <= month_day <= (9, 1) or month_day >= (12, 21) or month_day <= (1, 3):
        return True
    easter = _easter(day.year)
    if week_start(easter) <= day <= easter + 12 * DAY:
        return True
    return week_start(day) in _half_terms(day.year)


def is_working_day(day: dt.date) -> bool:
    """Returns whether a day is a weekday and no bank holiday."""
    return day.weekday() < 5 and day not in bank_holidays(day.year)


def working_day_after(day: dt.date, count: int) -> dt.date:
    """Returns the count-th working day after a day, which itself need not be one; the day itself for none."""
    for _ in range(count):
        day += DAY
        while not is_working_day(day):
            day += DAY
    return day


def _weekdays(start: dt.date, step: Step) -> list[dt.date]:
    length = 7 if step == "week" else (period_end(start, step) - start).days + 1
    return [day for day in (start + i * DAY for i in range(length)) if is_working_day(day)]


@lru_cache(maxsize=8192)
def _working_days(start: dt.date, step: Step) -> tuple[int, float]:
    """Working days of a period, and the share of them in school holidays."""
    days = _weekdays(start, step)
    return len(days), sum(map(is_school_holiday, days)) / max(len(days), 1)


def working_days(periods: Dates, step: Step) -> Floats:
    """Returns the number of working days (weekdays without bank holidays) in each period."""
    return np.array([_working_days(as_date(p), step)[0] for p in periods], float)


def school_holiday_share(periods: Dates, step: Step) -> Floats:
    """Returns the share of each period's working days on which schools are usually shut."""
    return np.array([_working_days(as_date(p), step)[1] for p in periods], float)


def yearly_waves(periods: Dates, harmonics: int) -> Floats:
    """Returns sine and cosine of so many harmonics of the year (T x 2 harmonics)."""
    angle = 2 * np.pi * (periods - np.datetime64("2000-01-03")).astype(float) / 365.25
    return np.column_stack([f(k * angle) for k in range(1, harmonics + 1) for f in (np.sin, np.cos)])


def working_columns(periods: Dates, step: Step) -> Floats:
    """Returns the log of working days over their usual number, and the share of them in school holidays (T x 2)."""
    work = np.log(np.maximum(working_days(periods, step), 0.5) / (5 if step == "week" else 21))
    return np.column_stack([work, school_holiday_share(periods, step)])


def to_utc(day: dt.date, hour: int = 0, minute: int = 0) -> dt.datetime:
    """Returns the UTC moment of a wall-clock time in London."""
    return dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=LONDON).astimezone(dt.UTC)


def local_time(moment: dt.datetime) -> dt.datetime:
    """Returns a moment by the clock of England."""
    return moment.astimezone(LONDON)


def local_date(moment: dt.datetime) -> dt.date:
    """Returns the date in London at a moment."""
    return moment.astimezone(LONDON).date()


def long_date(day: dt.date) -> str:
    """Returns a date as a manager reads it: "8 January 2018"."""
    return f"{day.day} {day:%B %Y}"


def period_name(start: dt.date, step: Step) -> str:
    """Returns a period as a manager reads it: "week of 8 January 2018" or "January 2018"."""
    return f"week of {long_date(start)}" if step == "week" else f"{start:%B %Y}"
