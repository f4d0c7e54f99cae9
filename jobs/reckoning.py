"""What was said against what came: of a replay, and of the service's own past."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forecaster.accounts import FEWEST, HORIZONS, NOT_YET, Said, account, at_horizons, disclosed, summary
from forecaster.measures import Measure, plain_measure
from forecaster.pipeline import Outcome
from forecaster.quality import leave_out_incomplete
from forecaster.settings import Settings
from forecaster.store import Store
from forecaster.types import InputError, Panel, Step
from forecaster.words.wording import clean, percent, shorten
from jobs.bulk import write as write_csv
from jobs.watch import Knowledge, panels, watch_of

if TYPE_CHECKING:
    from forecaster.accounts_chart import Track

COLUMNS = ("Measure", "Ahead", "Due", "Score", "95% band", "80% band", "Above")
EXPLAINED = (
    f"Due: forecasts whose period has come and may grow no more; fewer than {FEWEST} are not scored.",
    "Score: how far off they were, bands and all, as a share of the usual level; 0 is perfect.",
    "95% band, 80% band: how often it held what came. Far below its name too narrow, far above too wide.",
    "Above: how often more came than the middle of the forecast; 50% is right, at 70% it said too little.",
)
ALL = "All measures"
WIDTH = 40  # letters of a measure's title
RECENT = dt.timedelta(days=35)  # how far back the panels go that hold the newest knowledge of every source
MOST = 8  # series on a picture


def said_by(outcome: Outcome) -> Said:
    """Returns the forecasts of a period as they are kept: quantiles alone."""
    return Said(outcome.panel.step, replace(outcome.forecasts, draws=None))


def newest(knowledge: Knowledge, settings: Settings, as_of: dt.date) -> list[Panel]:
    """Returns the panels of all that is known now, up to a day: what came."""
    return [leave_out_incomplete(panel)[0] for panel, _ in panels(knowledge, settings, as_of, None)]


def live(store: Store) -> pd.DataFrame:
    """Returns the account of the forecasts that the runs kept, against what the newest runs knew."""
    kept: list[Said] = []
    known: list[Panel] = []
    for step in HORIZONS:
        runs = [run for run in store.runs() if run.step == step]
        kept += [Said(step, found) for run in runs if (found := store.forecasts_of(run.id)) is not None]
        recent = (run for run in reversed(runs) if run.period >= runs[-1].period - RECENT)
        known += [panel for run in recent if (panel := store.panel_of(run.id)) is not None]
    return account(kept, known)


def write(table: pd.DataFrame, settings: Settings, path: Path) -> None:
    """Writes every row of an account as CSV, small numbers left out."""
    shown = _disclosed(table, settings)
    write_csv(shown if (shown["council"] != "").any() else shown.drop(columns="council"), path)


def _disclosed(table: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    return disclosed(table, settings.catalogue, settings.small_numbers.threshold)


# The table that is printed


def rows(table: pd.DataFrame, settings: Settings) -> list[tuple[str, ...]]:
    """Returns a row of COLUMNS for each measure at the horizons that count, and for all measures together."""
    told = at_horizons(table)
    each = summary(told, ["step", "measure", "ahead"]).reset_index()
    enough = each[each["due"] >= FEWEST]
    together = summary(told, ["step", "ahead"]).reset_index().assign(measure="")
    together = together[together["ahead"].isin(enough["ahead"])]
    found = [row for name in _ordered(table, settings) for row in _lines(each[each["measure"] == name], settings)]
    return found + _lines(together, settings) if found and each["measure"].nunique() > 1 else found


def _ordered(table: pd.DataFrame, settings: Settings) -> list[str]:
    """The measures of an account, in the order of the config, others after them."""
    place = {name: i for i, name in enumerate(settings.catalogue)}
    return sorted(table["measure"].unique(), key=lambda name: (place.get(name, len(place)), name))


def _lines(scores: pd.DataFrame, settings: Settings) -> list[tuple[str, ...]]:
    """The printed rows of one measure; its title stands in the first."""
    known = scores[scores["due"] >= FEWEST].sort_values(["step", "ahead"], ascending=[False, True])
    return [
        (
            "" if number else shorten(_measure(row["measure"], settings).title if row["measure"] else ALL, WIDTH),
            _ahead(row["ahead"], row["step"]),
            str(row["due"]),
            f"{row['wis']:.2f}",
            percent(row["held95"]),
            percent(row["held80"]),
            percent(row["above"]),
        )
        for number, row in enumerate(known.to_dict("records"))
    ]


def _ahead(count: int, step: Step) -> str:
    return f"{count} {step}{'' if count == 1 else 's'}"


def _measure(name: str, settings: Settings) -> Measure:
    return settings.catalogue.get(name) or plain_measure(name, "flow")


def _title(name: str, settings: Settings) -> str:
    measure = _measure(name, settings)
    return measure.title + (" (number)" if measure.kind == "share" else "")


def sentences(table: pd.DataFrame, settings: Settings) -> Iterator[str]:
    """Yields what the columns of the table mean, or why there is no table."""
    told = at_horizons(table)
    if (summary(told, ["step", "measure", "ahead"])["due"] >= FEWEST).any():
        yield from EXPLAINED
    else:
        yield f"Forecasts: too few have come due to be scored, {FEWEST} of a kind are needed; replay more weeks."
    if (table["kind"] == "share").any():
        yield "Of a share the number is forecast and scored, not the percentage."


# The lines of `doctor`


def record_lines(table: pd.DataFrame, settings: Settings) -> Iterator[str]:
    """Yields for each headline measure how often its 95% band has held so far."""
    for name, measure in settings.catalogue.items():
        mine = table[(table["measure"] == name) & measure.headline]
        for _, part in mine.groupby("step", sort=False):
            yield f"{_title(name, settings)}: {_record(part, settings)}"


def _record(table: pd.DataFrame, settings: Settings) -> str:
    """The achieved coverage of one measure, over all that messages look ahead and at its two ends."""
    step: Step = table["step"].iloc[0]
    far = watch_of(settings).ahead(step)
    near = table[table["ahead"] <= far]
    due = int(near.loc[near["wis"].notna(), "origin"].nunique())
    if due < FEWEST:
        return f"too few forecasts have come due ({due}; {FEWEST} are needed){_tried(table)}"
    ends = summary(near[near["ahead"].isin((1, far))], ["ahead"]).reset_index()
    told = [
        f"{_ahead(row['ahead'], step)} ahead {percent(row['held95'])}"
        for row in ends.to_dict("records")
        if row["due"] >= FEWEST
    ]
    each = f" ({', '.join(told)})" if told else ""
    return f"95% band held {percent(float(near['held95'].mean()))} in {due} {step}s of forecasts{each}"


def _tried(table: pd.DataFrame) -> str:
    """What the newest forecast says of its own tries on the past."""
    record = float(table.sort_values("origin")["record95"].iloc[-1])
    return "" if math.isnan(record) else f"; tried on the past its 95% band held {percent(record)}"


# The picture


def draw(table: pd.DataFrame, settings: Settings, path: Path) -> None:
    """Writes the picture of the headline measures, or of all where there is none; InputError when nothing is due.

    Shares are left out: their counts are not shown.
    """
    from forecaster.accounts_chart import png  # late: what draws takes a third of a second to import

    table = table[table["kind"] != "share"]
    due = table[table["wis"].notna()]
    if due.empty:
        raise InputError("--picture", "no forecast has come due yet", "replay more weeks")
    step: Step = due["step"].iloc[0]
    ahead = _furthest(due[due["step"] == step], watch_of(settings).ahead(step))
    tracks = list(_tracks(table[table["step"] == step], settings, ahead))
    more = f" (the first {MOST} of {len(tracks)})" if len(tracks) > MOST else ""
    path.write_bytes(png(tracks[:MOST], f"{settings.council.name}: what was said and what came{more}", ahead, step))


def _furthest(due: pd.DataFrame, most: int) -> int:
    """How far ahead the picture shows what was said: as far as messages look, or as far as enough has come due."""
    counts = due[due["ahead"] <= most].groupby("ahead")["origin"].nunique()
    return int(counts.index[counts >= min(FEWEST, int(counts.max()))].max())


def _tracks(table: pd.DataFrame, settings: Settings, ahead: int) -> Iterator[Track]:
    """Series by measure and council; their coverage counts what is not shown too."""
    from forecaster.accounts_chart import Track

    shown = _disclosed(table, settings)
    there = _ordered(table, settings)
    for name in [name for name in there if _measure(name, settings).headline] or there:
        for council, rows in table[table["measure"] == name].groupby("council"):
            where = f" in {clean(str(council))}" if council else ""
            yield Track(_title(name, settings) + where, _course(shown.loc[rows.index], ahead), _coverage(rows))


def _course(shown: pd.DataFrame, ahead: int) -> pd.DataFrame:
    said = shown[shown["ahead"] == ahead].set_index("period")[["median", "lower95", "upper95"]]
    came = shown[shown["reason"] != NOT_YET].drop_duplicates("period").set_index("period")[["actual", "reason"]]
    return came.join(said).sort_index().reset_index()


def _coverage(table: pd.DataFrame) -> pd.DataFrame:
    furthest = HORIZONS[table["step"].iloc[0]][-1]
    scores = summary(table[table["ahead"] <= furthest], ["ahead"]).sort_index()
    return scores.loc[scores["due"] >= FEWEST, ["held95", "held80"]]
