"""benchmarks/detection.py, on a folder of a few series with scorers that read what real ones would."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from e2e_office import PATIENCE

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "detection.py"
METHODS = ("forecaster", "Farrington Flexible (R)", "oracle: true mean and variance, week by week")
SURGE = {"POD@1%": 0.6, "delay 1.5sd": 5.0, "sust4 2.5sd": 0.9, "episodes@1%": 0.3, "FPR": 0.01}
SCORES = {"surge": dict.fromkeys(METHODS, SURGE), "drift": {"forecaster": {"step 26w": 0.9, "ramp52 52w": 0.5}}}
SCORER = f"""
import csv, json, pathlib, sys
given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
scores = pathlib.Path(given.pop("--json"))
for name, file in given.items():
    rows = list(csv.DictReader(open(file)))
    print(name, len(rows), "rows from", rows[0]["week"], "with", len([row for row in rows if row["score"]]), "scores")
scores.write_text(json.dumps({SCORES!r}))
"""
SURGES_SCORER = """
import csv, sys
print("scored", len([row for row in csv.DictReader(open(sys.argv[2])) if row["month"] and row["score"]]), "months")
print("found 0.900 (best peer 0.793), in the first month 0.400 (best peer 0.448)")
sys.exit(1)
"""


def series(step: str, periods: Iterable[str], share: bool = False) -> Iterator[str]:
    """Yields the lines of a totals CSV of two series in which nothing happens."""
    yield f"measure,{step},count" + (",of" if share else "")
    rng = np.random.default_rng(1)
    for period in periods:
        for name in ("a", "b"):
            yield f"{name},{period},{rng.poisson(6)}" + (",40" if share else "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data, real = tmp_path / "detection" / "open", tmp_path / "forecast"
    data.mkdir(parents=True)
    real.mkdir()
    weeks = [str(np.datetime64("2018-01-01") + 7 * week) for week in range(220)]
    months = [str(np.datetime64("2010-01", "M") + month) for month in range(150)]
    for name in ("null", "outbreak", "sustained", "drift"):
        text = "\n".join(series("week", weeks, share=name == "drift"))
        (data / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    (data / "truth.csv").write_text("measure,scenario\na,1\nb,2\n")
    (real / "monthly.csv").write_text("\n".join(series("month", months)))
    (tmp_path / "score_detection.py").write_text(SCORER)
    (tmp_path / "score_surges.py").write_text(SURGES_SCORER)
    return tmp_path


def test_it_detects_scores_and_says_what_was_reached(folder: Path) -> None:
    done = subprocess.run([sys.executable, BENCHMARK, folder], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    for name, rows, begins in (("null", 98, "2021-04-12"), ("drift", 208, "2020-03-23")):
        assert f"--{name} {rows} rows from {begins} with {rows} scores" in done.stdout
    assert "scored 192 months" in done.stdout and "best peer 0.448" in done.stdout
    assert "detect drift.csv.gz --last 104: " in done.stdout
    table = done.stdout[done.stdout.index("figure  ") :].splitlines()[1:]
    reached = {line.split("  ")[0]: line.split()[-1] for line in table}
    assert reached["short outbreaks found (POD) at 1% of null weeks in alarm"] == "yes"
    assert reached["sustained surge of 1.5 sd: mean weeks to find it"] == "no"
    assert reached["steps in a share found within 26 weeks"] == "yes"
    assert reached["ramps in a share found within 52 weeks"] == "no"
    assert reached["real level shifts found within 3 months"] == "yes"
    assert reached["real level shifts found in the onset month"] == "no"
    assert len(table) == len(reached) == 12


def test_a_detection_that_fails_ends_it(folder: Path) -> None:
    (folder / "detection" / "open" / "null.csv.gz").write_bytes(b"nothing")
    done = subprocess.run([sys.executable, BENCHMARK, folder], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode and "detect null.csv.gz --last 49 ended with 2" in done.stderr
    assert "to reach" not in done.stdout


def test_what_a_large_panel_takes_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARK.parent)
    benchmark = import_module("detection")
    monkeypatch.setattr(benchmark, "SCALE", (5, 130))
    seconds, gigabytes = benchmark.scale(tmp_path)
    assert seconds.name == "5 series x 130 weeks, newest week: seconds"
    assert 0 < seconds.value < PATIENCE and 0.05 < gigabytes.value < 2
    assert len((tmp_path / "many.csv").read_text().splitlines()) == 1 + 5 * 130
