"""What a command takes, as somebody who runs it would see it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

FORECASTER = str(Path(sys.executable).with_name("forecaster"))


class Taken(NamedTuple):
    """What a command took, start and end included."""

    seconds: float
    gigabytes: float


# A small process starts the command: a child's peak memory counts its starter's, from before it became itself.
_STARTER = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, time.perf_counter() - began, used.ru_maxrss, used.ru_utime + used.ru_stime]))
"""


def run(title: str, *command: object) -> Taken:
    """Runs a command, says and returns what it took; SystemExit if it failed."""
    words = [sys.executable, "-c", _STARTER, *map(str, command)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    code, seconds, kilobytes, busy = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{title} ended with {code}")
    taken = Taken(seconds, kilobytes * 1024 / 1e9)
    print(f"{title}: {taken.seconds:.1f} s ({busy:.1f} s of one core), {taken.gigabytes:.2f} GB at most", flush=True)
    return taken


def scored(scorer: Path, *arguments: object, worse: int = 0) -> str:
    """Runs a scorer, prints and returns its tables; worse: what it ends with when a peer does better."""
    done = subprocess.run([sys.executable, scorer, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode not in (0, worse):
        raise SystemExit(done.stderr)
    print(f"\n{done.stdout}", flush=True)
    return done.stdout
