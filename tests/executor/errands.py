"""What the workers of these tests are sent to do; they import it by its name."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np


def sum_of_squares(item: tuple[float, int]) -> float:
    """Figures whose last bits depend on how they are added up."""
    seed, size = item
    return float(np.square(np.random.default_rng(int(seed)).standard_normal(size)).sum())


def slow_sum(item: tuple[float, int]) -> float:
    time.sleep(0.05)
    return sum_of_squares(item)


def process(_: object) -> int:
    time.sleep(0.05)
    return os.getpid()


def threads(_: object) -> str:
    time.sleep(0.05)
    return os.environ.get("OMP_NUM_THREADS", "")


def fails_at_7(item: int) -> int:
    time.sleep(0.02)
    if item == 7:
        raise KeyError("seven")
    return item


def dies_once(item: tuple[int, str]) -> int:
    """The first process that comes to item 30 is killed there and then."""
    number, flag = item
    time.sleep(0.02)
    if number == 30 and not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), 9)
    return number


def signs_in(folder: str) -> None:
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(0.05)
