"""benchmarks/forecast.py, on a folder of a few series with a scorer that reads what the real one would."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from e2e_office import PATIENCE

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "forecast.py"
SCORER = """
import csv, json, pathlib, sys
rows = list(csv.DictReader(open(sys.argv[2])))
origins, models = ({row[name] for row in rows} for name in ("origin", "model"))
print(len(rows), "rows from", len(origins), "origins by", sorted(models))
pathlib.Path(sys.argv[4]).write_text(json.dumps({"forecaster": {"wis": 0.08, "cover95": 0.95, "cover80": 0.9}}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve years of two series, and the scorer."""
    (tmp_path / "forecast").mkdir()
    months = [str(np.datetime64("2012-04", "M") + month) for month in range(144)]
    rng = np.random.default_rng(1)
    rows = [f"{name},{month}-01,{rng.poisson(90)}" for name in ("a", "b") for month in months]
    (tmp_path / "forecast" / "monthly.csv").write_text("\n".join(["measure,month,count", *rows]))
    (tmp_path / "score_forecast.py").write_text(SCORER)
    return tmp_path


def test_it_forecasts_scores_and_says_what_was_reached(folder: Path) -> None:
    done = subprocess.run([sys.executable, BENCHMARK, folder], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert f"{2 * 13 * 6 * 9} rows from 13 origins by ['levels'" in done.stdout
    table = done.stdout[done.stdout.index("figure  ") :].splitlines()[1:]
    reached = {line.split("  ")[0]: line.split()[-1] for line in table}
    assert reached == {"weighted interval score": "yes", "95% band holds": "yes", "80% band holds": "no"}


def test_it_is_timed_beside_a_plain_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARK.parent)
    benchmark = import_module("forecast")
    monkeypatch.setattr(benchmark, "SERIES", 2)
    full, light, gigabytes = benchmark.speed(tmp_path)
    assert light.value > 0 and full.value > 0 and 0.05 < gigabytes.value < 1
    plain, mine = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("plain", "full"))
    assert len(plain) == 2 * 13 and len(mine) == 2 * 13 * 9


def test_a_forecast_that_fails_ends_it(folder: Path) -> None:
    (folder / "forecast" / "monthly.csv").write_text("nothing")
    done = subprocess.run([sys.executable, BENCHMARK, folder], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode and "ended with 2" in done.stderr
    assert "to reach" not in done.stdout
