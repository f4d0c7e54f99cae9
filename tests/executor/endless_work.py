"""Work that does not end of itself; each process that does it leaves its number in a folder."""

from __future__ import annotations

import sys

import errands

from forecaster.config import Forecast
from jobs import executor

if __name__ == "__main__":
    executor.PATIENCE = 0.0
    with executor.executor(Forecast(workers=2)) as work:
        work(errands.signs_in, [sys.argv[1]] * 100_000)
