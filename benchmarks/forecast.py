"""Forecasts beside Prophet, AutoETS and the seasonal naive: `forecaster forecast` as shipped, scored and timed.

usage: python benchmarks/forecast.py FOLDER [--alone] [--speed] [--councils]

FOLDER holds score_forecast.py and its data (forecast/). --alone scores each model by itself too; --speed times 500
weekly series of five years beside a plain loop of Prophet, in one run; --councils replays two years of three made-up
councils and compares what was said with what came.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from measuring import FORECASTER, Taken, run, scored

from forecaster.calendar import DAY
from forecaster.scores import weighted_interval_score
from forecaster.settings import from_environment
from forecaster.simulate import planted, simulate
from forecaster.store import Store
from forecaster.types import Ask, Panel, SeriesKey
from jobs import demo
from jobs.backtest import backtest
from jobs.deliver import utc_now
from jobs.ingest import ingest_file
from jobs.reckoning import newest
from jobs.watch import Memory

ORIGINS = [f"{year}-{month}-01" for year in range(2017, 2024) for month in ("03", "09")][:13]
SEEDS = (1, 2, 3)
HEADLINE = ("referrals", "section_47", "plan_starts", "plans_open", "repeat_plans")
MODELS = ("levels", "counts", "prophet")
SERIES, WEEKS, HORIZON = 500, 260, 13
AHEAD, SCORES = (1, 4, 13, 26), ["wis", "held95", "held80", "above"]
# what somebody would write who has read Prophet's quick start
PLAIN_LOOP = """
import logging, sys
import pandas as pd
logging.disable(logging.ERROR)
from prophet import Prophet
parts = []
for name, rows in pd.read_csv(sys.argv[1]).groupby("measure"):
    frame = rows.rename(columns={"week": "ds", "count": "y"})[["ds", "y"]]
    model = Prophet(weekly_seasonality=False, daily_seasonality=False, yearly_seasonality=True, interval_width=0.95)
    model.fit(frame)
    parts.append(model.predict(model.make_future_dataframe(int(sys.argv[2]), freq="7D").tail(int(sys.argv[2]))))
pd.concat(parts).to_csv(sys.argv[3])
"""


class Figure(NamedTuple):
    """One line of the summary: reached when the value lies between the least and the most."""

    name: str
    value: float
    least: float = -np.inf
    most: float = np.inf


def forecast(totals: Path, output: Path, horizon: int, *options: object) -> Taken:
    """Runs `forecaster forecast`."""
    title = f"forecast {totals.name} {' '.join(str(option) for option in options if 'origin' not in str(option))[:60]}"
    return run(title, FORECASTER, "forecast", totals, "--horizon", horizon, "--output", output, *options)


def referrals(folder: Path, work: Path, model: str = "combined") -> list[Figure]:
    """Returns the scores of real monthly referrals, beside its peers as the scorer prints them."""
    origins = [part for origin in ORIGINS for part in ("--origin", origin)]
    output, scores = work / f"{model}.csv", work / f"{model}.json"
    forecast(folder / "forecast" / "monthly.csv", output, 6, "--period", "month", "--model", model, *origins)
    scored(folder / "score_forecast.py", folder / "forecast", output, "--json", scores)
    mine = json.loads(scores.read_text())["forecaster"]
    return [
        Figure("weighted interval score", mine["wis"], most=0.0875),
        Figure("95% band holds", mine["cover95"], 0.935, 0.965),
        Figure("80% band holds", mine["cover80"], 0.78, 0.82),
    ]


def speed(work: Path) -> list[Figure]:
    """Returns what many weekly series take beside a plain loop of Prophet, reading and start included."""
    totals, without = work / "weekly.csv", work / "without.toml"
    _many(totals)
    without.write_text('[forecast]\nmodels = ["levels", "counts"]\n')
    plain = run("plain loop of Prophet", sys.executable, "-c", PLAIN_LOOP, totals, HORIZON, work / "plain.csv")
    full = forecast(totals, work / "full.csv", HORIZON)
    light = forecast(totals, work / "light.csv", HORIZON, "--config", without)
    return [
        Figure("with Prophet: share of the plain loop's time", full.seconds / plain.seconds, most=1 / 3),
        Figure("without Prophet: share of the plain loop's time", light.seconds / plain.seconds, most=1 / 10),
        Figure("gigabytes at most", max(full.gigabytes, light.gigabytes), most=1.0),
    ]


def _many(path: Path) -> None:
    """Writes weekly counts with a season, overdispersed, a third of them with a level that wanders."""
    rng = np.random.default_rng(1)
    weeks = np.arange(WEEKS)
    angle = 2 * np.pi * weeks / 52.18
    season = np.exp(rng.normal(0.1, 0.03, (SERIES, 1)) * np.sin(angle) + 0.05 * np.cos(2 * angle))
    wander = np.cumsum(rng.normal(0, 0.02, (SERIES, WEEKS)), axis=1) * (rng.random((SERIES, 1)) < 1 / 3)
    mean = rng.gamma(1.5, 10, (SERIES, 1)) * season * np.exp(wander) + 0.5
    counts = rng.poisson(mean * rng.gamma(10, 0.1, mean.shape))
    days = np.datetime_as_string(np.datetime64("2019-01-07") + 7 * weeks)
    names = [f"m{number}" for number in range(SERIES)]
    table = {"measure": np.repeat(names, WEEKS), "week": np.tile(days, SERIES), "count": counts.ravel()}
    pd.DataFrame(table).to_csv(path, index=False)


def councils(work: Path, weeks: int = 104) -> list[Figure]:
    """Returns how forecasts did in made-up councils with planted stories, each Monday from what was known that day."""
    told = pd.concat([_said(work, seed, weeks).assign(seed=seed) for seed in SEEDS])
    due = told[told["wis"].notna()]
    print(due[due["ahead"].isin(AHEAD)].groupby(["measure", "ahead"])[SCORES].mean().round(3).to_string())
    near = due[due["measure"].isin(HEADLINE) & (due["ahead"] <= HORIZON)]
    begin = np.datetime64(demo.START + 7 * demo.HISTORY_WEEKS * DAY)
    near = near.assign(year=np.where(near["origin"] < begin, "before", "stories"))
    held = near.pivot_table(index="measure", columns=["seed", "year"], values="held95", margins=True)
    print(
        f"\n95% band held 1 to {HORIZON} weeks ahead, before the stories and in their year\n{held.round(3).to_string()}"
    )
    figures = [_cohort(due[(due["measure"] == "plans_open") & (due["ahead"] == ahead)], ahead) for ahead in (13, 26)]
    by_measure = near.groupby("measure")["held95"].mean()
    figures += [Figure(f"95% band holds: {name}", value, 0.93, 0.97) for name, value in by_measure.items()]
    return [*figures, Figure("95% band holds: mean of the headline measures", by_measure.mean(), 0.93, 0.97)]


def _cohort(stock: pd.DataFrame, ahead: int) -> Figure:
    """The score of the open plans as forecast, over that of the best of the models that know the level alone."""
    own = stock[stock[f"{MODELS[0]}_alone"].notna()]
    scores = {name: own[f"{name}_alone"].mean() for name in MODELS}
    best = min(scores, key=lambda name: scores[name])
    said = ", ".join(f"{name} {score:.4f}" for name, score in scores.items())
    print(f"open plans {ahead} weeks ahead, {len(own)} forecasts: {own['wis'].mean():.4f}; {said}", flush=True)
    name = f"open plans {ahead} weeks ahead: score over that of {best}"
    return Figure(name, own["wis"].mean() / scores[best], most=0.85)


def _said(work: Path, seed: int, weeks: int) -> pd.DataFrame:
    """The account of one council's forecasts, with the scores that each model by itself has on the open plans."""
    home = work / f"council{seed}"
    settings = demo.settings_of(from_environment(None))
    first = demo.START + 7 * demo.HISTORY_WEEKS * DAY
    council = simulate(seed, start=demo.START, weeks=demo.HISTORY_WEEKS + 52, stories=planted(first))
    home.mkdir()
    council.events.to_csv(home / "events.csv", index=False, date_format="%Y-%m-%d")
    with Store(f"sqlite:///{home / 'council.db'}") as store:
        store.migrate()
        ingest_file(store, settings, demo.KEY, home / "events.csv", utc_now())
        began = time.perf_counter()
        _, told = backtest(store, settings, weeks, lambda done, total: None)
        print(f"council {seed}: {weeks} Mondays replayed in {time.perf_counter() - began:.0f} s", flush=True)
        [panel] = newest(Memory.of(store), settings, council.last + DAY)
    return told.merge(_alone(panel, told), how="left", on=["measure", "origin", "ahead"])


def _alone(panel: Panel, told: pd.DataFrame) -> pd.DataFrame:
    """Scores of each model's own forecasts of the open plans, from every fourth origin."""
    key = SeriesKey("plans_open")
    stock = panel.select([panel.row(key)])
    origins = np.searchsorted(panel.periods, np.unique(told["origin"].to_numpy("M8[D]"))[::4], side="right")
    actual = np.stack([_next(stock.count[0], int(origin), 26) for origin in origins])
    level = np.array([stock.count[0, :origin].mean() for origin in origins])
    table = pd.DataFrame({"measure": key.measure, "origin": np.repeat(panel.periods[origins - 1].astype("M8[s]"), 26),
                          "ahead": np.tile(np.arange(1, 27), len(origins))})  # fmt: skip
    for name in MODELS:
        values = import_module(f"forecaster.models.{name}").predict(stock, Ask(tuple(map(int, origins)), 26))[0]
        table[f"{name}_alone"] = (weighted_interval_score(values, actual) / level[:, None]).ravel()
    return table


def _next(count: np.ndarray, origin: int, horizon: int) -> np.ndarray:
    """What came after an origin, NaN where nothing has come yet."""
    found = np.full(horizon, np.nan)
    found[: len(count[origin : origin + horizon])] = count[origin : origin + horizon]
    return found


def summary(figures: list[Figure]) -> str:
    """Returns the table of what was to be reached and what was."""
    lines = [f"{'figure':<62}{'to reach':>16}{'here':>9}  reached"]
    for name, value, least, most in figures:
        bound = f"<= {most:.3g}" if np.isinf(least) else f">= {least:g}" if np.isinf(most) else f"{least:g}-{most:g}"
        lines.append(f"{name:<62}{bound:>16}{value:>9.3g}  {'yes' if least <= value <= most else 'no'}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    for name in ("alone", "speed", "councils"):
        parser.add_argument(f"--{name}", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        figures = referrals(asked.folder, work)
        for model in MODELS if asked.alone else ():
            referrals(asked.folder, work, model)
        figures += speed(work) if asked.speed else []
        figures += councils(work) if asked.councils else []
    print(f"\n{summary(figures)}")


if __name__ == "__main__":
    main()
