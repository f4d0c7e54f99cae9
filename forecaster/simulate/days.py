"""The days of a simulation: which are worked, how busy each is, and counting forward in working days.

Days are whole numbers since 1970-01-01, as in datetime64[D].
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.calendar import bank_holidays, is_school_holiday
from forecaster.simulate.profile import SEASON, Profile
from forecaster.types import Floats, as_date

Days = NDArray[np.int64]
NEVER = np.iinfo(np.int64).max // 2
OFF_DAY = 0.05  # an off day's referrals to a working day's: the emergency duty team's
YEAR = 365.25


def day_number(day: dt.date) -> int:
    """Returns a date as days since 1970-01-01."""
    return int(np.datetime64(day, "D").astype(np.int64))


@dataclass(frozen=True)
class Almanac:
    """Every day from `first` on: worked or not, and in school holidays or not."""

    first: int
    worked: NDArray[np.bool_]
    school_holiday: NDArray[np.bool_]
    month: NDArray[np.int64]

    @classmethod
    def of(cls, first: int, last: int) -> Almanac:
        """Returns the almanac from one day to another, both included."""
        days = [as_date(np.datetime64(day, "D")) for day in range(first, last + 1)]
        worked = [day.weekday() < 5 and day not in bank_holidays(day.year) for day in days]
        holiday = [is_school_holiday(day) for day in days]
        return cls(first, np.array(worked), np.array(holiday), np.array([day.month for day in days]))

    def until(self, end: int) -> Almanac:
        """Returns the almanac of the days before `end` only."""
        count = end - self.first
        return Almanac(self.first, self.worked[:count], self.school_holiday[:count], self.month[:count])

    def ahead(self, days: Days, count: NDArray[np.int64]) -> Days:
        """Returns the working day `count` working days after each day; 0 is the day itself or the next working one."""
        worked = np.flatnonzero(self.worked)
        at = np.searchsorted(worked, days - self.first) + count
        return np.asarray(worked[np.minimum(at, len(worked) - 1)] + self.first, dtype=np.int64)

    def snap(self, days: Days) -> Days:
        """Returns each day or the next working day after it."""
        return self.ahead(days, np.zeros(len(days), dtype=np.int64))


def source_mix(profile: Profile, almanac: Almanac) -> Floats:
    """Returns relative referral rates, days x sources: schools refer little in their holidays, and more in term."""
    shares = np.array(list(profile.sources.values()))
    mix = np.tile(shares / shares.sum(), (len(almanac.worked), 1))
    at_school = [source in ("Schools", "Education") for source in profile.sources]
    by_day = np.where(almanac.school_holiday, profile.school_holiday, 1.0)
    mix[:, at_school] *= (by_day / by_day[almanac.worked].mean())[:, None]
    return mix


def busyness(profile: Profile, almanac: Almanac) -> Floats:
    """Returns the relative rate of referrals of each day; its mean is 1 over the whole almanac.

    The month's rate per working day is England's; within a month, school holidays are quieter than term.
    """
    season = np.roll(np.array(SEASON), 3)[almanac.month - 1] ** profile.seasonality
    term = source_mix(profile, almanac).sum(axis=1)
    usual = np.array([term[(almanac.month == month) & almanac.worked].mean() for month in range(1, 13)])
    worked = np.where(almanac.worked, 1.0, OFF_DAY)
    rate = worked * season * (term / usual[almanac.month - 1]) ** (profile.seasonality > 0)
    return np.asarray(rate / rate.mean(), dtype=float)
