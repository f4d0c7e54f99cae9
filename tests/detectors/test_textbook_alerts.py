"""Alerts that a textbook method raises: they read as a surge, and say whose band it is."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from made_panels import by_locality

from forecaster.messages import Message
from forecaster.pipeline import Outcome, Watch, assess
from forecaster.settings import load
from forecaster.types import Panel, Reference, SeriesKey, SignalKind, as_date
from forecaster.words.wording import METHODS
from jobs.watch import watch_of

WHOLE = SeriesKey("plan_starts")


def surging(weeks: int, length: int = 320) -> Panel:
    return by_locality(3, {"North": 12.0, "South": 9.0}, {"North": np.full(weeks, 40.0)}, length)


def outcome(some: Panel, detector: str) -> Outcome:
    watch = Watch(measures={}, detectors=(detector,), models=("levels",))
    monday = as_date(some.periods[-1]) + dt.timedelta(days=7)
    return assess(some, [], Reference(), watch, dt.datetime.combine(monday, dt.time(7), dt.UTC))


def told(some: Panel, detector: str) -> Message:
    found = outcome(some, detector)
    (alert,) = [alert for alert in found.alerts if alert.direction == "up"]
    assert (alert.kind, alert.key) == (detector, WHOLE)
    (message,) = [told.whole for told in found.messages.values() if told.whole.alert_id == alert.id]
    return message


def line(message: Message, label: str) -> str:
    return next(line.text for line in message.lines if line.label == label)


@pytest.mark.parametrize(("detector", "weeks"), [("farrington", 3), ("ears_c1", 1), ("ears_c2", 2), ("ears_c3", 3)])
def test_an_alert_of_a_textbook_method_reads_as_a_surge_and_names_the_method(detector: SignalKind, weeks: int) -> None:
    message = told(surging(weeks), detector)
    assert message.alert_id.startswith(detector.replace("_", "-") + "-plan-starts-up-")
    assert "surging" in message.headline
    assert f" of {METHODS[detector]})" in line(message, "What")
    assert line(message, "Where").startswith("North")


def test_an_alert_of_the_service_s_own_method_names_none() -> None:
    message = told(surging(3), "surge")
    assert not any(name in message.text for name in METHODS.values())


def test_farrington_says_which_series_are_too_young_for_it() -> None:
    found = outcome(surging(1, length=200), "farrington")
    assert found.alerts == ()
    reasons = [missed.reason for missed in found.not_run if missed.by == "farrington"]
    assert reasons == ["too little history: 199 periods, 264 needed"] * 3


def test_which_methods_raise_alerts_is_config(tmp_path: Path) -> None:
    file = tmp_path / "forecaster.toml"
    file.write_text('[detection]\ndetectors = ["farrington", "drift"]\n', "utf-8")
    assert watch_of(load(file, {})).detectors == ("farrington", "drift")
