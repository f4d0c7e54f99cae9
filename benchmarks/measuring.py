"""What a command takes, as somebody who runs it would see it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

FORECASTER = str(Path(sys.executable).with_name("forecaster"))


class Taken(NamedTuple):
    """What a command took, start and end included."""

    seconds: float
    gigabytes: float


def run(title: str, *command: object) -> Taken:
    """Runs a command, says and returns what it took; SystemExit if it failed."""
    began = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{title} ended with {process.returncode}")
    taken = Taken(time.perf_counter() - began, usage.ru_maxrss * 1024 / 1e9)
    busy = usage.ru_utime + usage.ru_stime
    print(f"{title}: {taken.seconds:.1f} s ({busy:.1f} s of one core), {taken.gigabytes:.2f} GB at most", flush=True)
    return taken


def scored(scorer: Path, *arguments: object, worse: int = 0) -> str:
    """Runs a scorer, prints and returns its tables; worse: what it ends with when a peer does better."""
    done = subprocess.run([sys.executable, scorer, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode not in (0, worse):
        raise SystemExit(done.stderr)
    print(f"\n{done.stdout}", flush=True)
    return done.stdout
