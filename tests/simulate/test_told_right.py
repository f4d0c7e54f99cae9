"""Drawn councils through the whole service on one Monday: what was planted is found and named first."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from forecaster.budget import Allowance
from forecaster.calendar import to_utc
from forecaster.pipeline import assess
from forecaster.settings import load
from forecaster.simulate import SourceFlood, Story, ThresholdSlip, score, simulate, varied
from forecaster.simulate.stories import WEEK
from forecaster.store import Store
from forecaster.types import Alert, Reference
from jobs.ingest import ingest_file
from jobs.watch import panels, watch_of

START = dt.date(2020, 1, 6)
BEGINS = START + 130 * WEEK
ALLOWED = Allowance(5e-4, 6.0)  # about what the alarm budget comes to
KEY = b"nobody in a made-up council is real"


def alerts_of(seed: int, story: Story, weeks: int, home: Path) -> tuple[Alert, ...]:
    """What opens on one Monday, `weeks` after the story began, in a drawn council with good columns."""
    profile = dataclasses.replace(varied(seed), size=0.7, no_columns=(), no_events=())
    council = simulate(seed, start=START, weeks=130 + weeks, stories=(story,), profile=profile)
    path, settings = home / "events.csv", load(None, {})
    council.events.to_csv(path, index=False, date_format="%Y-%m-%d")
    day = BEGINS + weeks * WEEK
    watch = dataclasses.replace(watch_of(settings), models=("levels",), detectors=("surge", "drift"))
    with Store(f"sqlite:///{home / 'council.db'}") as store:
        store.migrate()
        ingest_file(store, settings, KEY, path, to_utc(day))
        ((panel, stale),) = panels(store, settings, day, None)
    assert not stale
    return assess(panel, (), Reference(), watch, to_utc(day), ALLOWED).alerts


FLOOD = SourceFlood(start=BEGINS, weeks=20, source="Police", factor=3.5)


def slip(seed: int) -> Story:
    """A slip in the largest team of a drawn council."""
    team, locality, _ = max(varied(seed).teams, key=lambda team: team[2])
    return ThresholdSlip(start=BEGINS, weeks=20, team=team, locality=locality, conference_share=0.95)


@pytest.mark.parametrize(("seed", "story", "weeks"), [(5, FLOOD, 8), (11, slip(11), 14)], ids=["flood", "slip"])
def test_what_was_planted_in_a_drawn_council_is_named_first(
    seed: int, story: Story, weeks: int, tmp_path: Path
) -> None:
    found = score((story,), alerts_of(seed, story, weeks, tmp_path), START).rows[0]
    assert found.found
    assert found.right, found.driver
