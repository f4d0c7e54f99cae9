"""Detection beside Farrington Flexible, the oracle and XmR: `forecaster detect` as shipped, timed and scored.

usage: python benchmarks/detection.py FOLDER [--scale]

FOLDER holds score_detection.py and score_surges.py with their data (detection/open and forecast). --scale also makes
60,000 series x 260 weeks and measures one weekly detection.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from measuring import FORECASTER, Taken, run, scored

FARRINGTON, ORACLE = "Farrington Flexible (R)", "oracle: true mean and variance, week by week"
FARRINGTON_SECONDS = 383  # for 840 series x 49 weeks
SURGES = ("null", "outbreak", "sustained")
SCALE = (60_000, 260)


class Figure(NamedTuple):
    """One line of the summary: reached when the value is at least the goal, or at most where less is better."""

    name: str
    value: float
    goal: float
    less: bool = False
    farrington: float = np.nan
    oracle: float = np.nan


def detect(totals: Path, output: Path, *options: str) -> Taken:
    """Runs `forecaster detect`."""
    title = f"detect {totals.name} {' '.join(options)}"
    return run(title, FORECASTER, "detect", totals, "--output", output, *options)


def surges(folder: Path, work: Path) -> list[Figure]:
    """Returns the figures of surges in simulated counts."""
    data, scores = folder / "detection" / "open", work / "surges.json"
    slowest = max(detect(data / f"{name}.csv.gz", work / f"{name}.csv", "--last", "49").seconds for name in SURGES)
    options = [part for name in SURGES for part in (f"--{name}", work / f"{name}.csv")]
    scored(folder / "score_detection.py", data, *options, "--json", scores)
    tables: dict[str, dict[str, Any]] = json.loads(scores.read_text())["surge"]

    def figure(name: str, column: str, goal: float, less: bool = False) -> Figure:
        mine, farrington, oracle = (tables[method][column] for method in ("forecaster", FARRINGTON, ORACLE))
        return Figure(name, mine, goal, less, farrington, oracle)

    return [
        figure("short outbreaks found (POD) at 1% of null weeks in alarm", "POD@1%", 0.585),
        figure("sustained surge of 1.5 sd: mean weeks to find it", "delay 1.5sd", 4.7, less=True),
        figure("sustained surge of 2.5 sd: found within 4 weeks", "sust4 2.5sd", 0.86),
        figure("alarm episodes per series and year at 1%", "episodes@1%", 0.42, less=True),
        Figure("null weeks in alarm at alpha .01, at least", tables["forecaster"]["FPR"], 0.007),
        Figure("null weeks in alarm at alpha .01, at most", tables["forecaster"]["FPR"], 0.013, less=True),
        Figure("the same in the worst scenario", _worst_scenario(data, work), 0.03, less=True),
        Figure("840 series x 49 weeks: seconds", slowest, 8, less=True, farrington=FARRINGTON_SECONDS),
    ]


def _worst_scenario(data: Path, work: Path) -> float:
    """Returns the largest share of null weeks in alarm in one of the simulated scenarios."""
    alarms = pd.read_csv(work / "null.csv").merge(pd.read_csv(data / "truth.csv"), on="measure")
    return float(alarms.groupby("scenario")["alarm"].mean().max())


def drift(folder: Path, work: Path) -> list[Figure]:
    """Returns the figures of drift in simulated shares."""
    data, scores = folder / "detection" / "open", work / "drift.json"
    detect(data / "drift.csv.gz", work / "drift.csv", "--last", "104")
    scored(folder / "score_detection.py", data, "--drift", work / "drift.csv", "--json", scores)
    mine = json.loads(scores.read_text())["drift"]["forecaster"]
    return [
        Figure("steps in a share found within 26 weeks", mine["step 26w"], 0.83),
        Figure("ramps in a share found within 52 weeks", mine["ramp52 52w"], 0.74),
    ]


def real_shifts(folder: Path, work: Path) -> list[Figure]:
    """Returns the figures of level shifts in real monthly referrals; the scorer prints them, it writes no JSON."""
    detect(folder / "forecast" / "monthly.csv", work / "monthly.csv", "--period", "month", "--last", "96")
    text = scored(folder / "score_surges.py", folder / "forecast", work / "monthly.csv", worse=1)
    found = re.search(r"^found ([\d.]+) .*in the first month ([\d.]+)", text, re.MULTILINE)
    if found is None:
        raise SystemExit("score_surges.py printed no line that begins with 'found'")
    return [
        Figure("real level shifts found within 3 months", float(found[1]), 0.88),
        Figure("real level shifts found in the onset month", float(found[2]), 0.50),
    ]


def scale(work: Path) -> list[Figure]:
    """Returns what one weekly detection of many series takes, reading included."""
    series, weeks = SCALE
    rng = np.random.default_rng(1)
    counts = rng.poisson(rng.gamma(1, 20, (series, 1)), (series, weeks))
    days = np.datetime_as_string(np.datetime64("2019-01-07") + 7 * np.arange(weeks))
    with (work / "many.csv").open("w") as file:
        file.write("week,measure,count\n")
        for number, row in enumerate(counts):
            file.write("".join(f"{day},m{number},{count}\n" for day, count in zip(days, row, strict=True)))
    taken = detect(work / "many.csv", work / "newest.csv", "--last", "1")
    name = f"{series:,} series x {weeks} weeks, newest week: "
    return [
        Figure(name + "seconds", taken.seconds, 120, less=True),
        Figure(name + "gigabytes", taken.gigabytes, 2, less=True),
    ]


def summary(figures: list[Figure]) -> str:
    """Returns the table of what was to be reached and what was."""
    lines = [f"{'figure':<57}{'Farrington':>11}{'oracle':>8}{'to reach':>10}{'here':>8}  reached"]
    for name, value, goal, less, farrington, oracle in figures:
        peers = "".join(f"{'' if np.isnan(p) else f'{p:.3g}':>{width}}" for p, width in ((farrington, 11), (oracle, 8)))
        met = value <= goal if less else value >= goal
        bound = f"{'<=' if less else '>='} {goal:g}"
        lines.append(f"{name:<57}{peers}{bound:>10}{value:>8.3g}  {'yes' if met else 'no'}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        figures = [*surges(asked.folder, work), *drift(asked.folder, work), *real_shifts(asked.folder, work)]
        figures += scale(work) if asked.scale else []
    print(f"\n{summary(figures)}")


if __name__ == "__main__":
    main()
