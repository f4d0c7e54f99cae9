"""Starts commands quickly: a process that has read the libraries once and forks for each command.

Run as a script. Each line of standard input is an order: one to start a command (see `become`; answered with its pid)
or {"wait": pid} to ask for its exit code (answered with null while it runs). What runs is `jobs.cli.main`, in a
process, a folder and an environment of its own, as the installed script would run it.
"""

from __future__ import annotations

import datetime as dt
import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

LIBRARIES = ("altair", "vl_convert", "slack_sdk", "lxml.etree", "python_calamine", "sqlalchemy.dialects.sqlite",
             "psycopg", "apscheduler", "holidays.countries", "forecaster.models.prophet", "forecaster.models.counts",
             "forecaster.channels.slack", "forecaster.channels.console", "forecaster.detectors.surge",
             "forecaster.detectors.drift", "forecaster.detectors.neighbours")  # fmt: skip
Order = dict[str, Any]


def orders() -> Order:
    """Serves orders for ever; returns only in the process of a new command, with what it is to do."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer = _exit_code(order["wait"])
        else:
            answer = os.fork()
            if not answer:
                return order
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    sys.exit()


def _exit_code(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def become(order: Order) -> None:
    """Takes the place, the surroundings and the arguments of a command.

    An order may say more: "now", see `set_clock`; "hurry", see there; "death", see `die_at`; "largest_file", in bytes.
    """
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, name in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(name, flags, 0o644), number)
    sys.argv = ["forecaster", *order["arguments"]]
    if order["now"]:
        set_clock(dt.datetime.fromisoformat(order["now"]))
    if order["hurry"]:
        hurry(Path(order["hurry"]))
    if order["death"]:
        die_at(*order["death"])
    if order["largest_file"]:  # a disk that is full looks like this
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], order["largest_file"]))


def set_clock(now: dt.datetime) -> None:
    """Sets the clock that the commands read; it goes on from there."""
    from jobs import deliver

    began = time.monotonic()
    deliver.utc_now = lambda: now + dt.timedelta(seconds=time.monotonic() - began)


def hurry(pictures: Path) -> None:
    """Shortens what a test would wait for: pauses before another try, times between two looks, pictures drawn before.

    pictures: a folder for them, as what is killed at a picture has to draw it anew.
    """
    from forecaster import chart
    from jobs import deliver, scheduler

    every, draw = scheduler.IntervalTrigger, chart.png

    def drawn(picture: Any) -> bytes:
        kept = pictures / f"{zlib.crc32(repr(picture).encode())}.png"
        if not kept.exists():
            kept.write_bytes(draw(picture))
        return kept.read_bytes()

    chart.png = drawn
    deliver.LONGEST_PAUSE = 0.05
    scheduler.IntervalTrigger = lambda seconds: every(seconds=seconds / 20)


def die_at(*statements: str) -> None:
    """Lets this process be killed (SIGKILL) before the last of these SQL statements, once the others were met in order.

    A statement is given by how it begins; COMMIT is one too. So a process dies at one exact moment, and no test waits
    for a clock.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    ahead = list(statements)

    def meet(text: str) -> None:
        if " ".join(text.split()).startswith(ahead[0]):
            del ahead[0]
        if not ahead:
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(connection: object, cursor: object, text: str, *rest: object) -> None:
        meet(text)

    event.listen(Engine, "before_cursor_execute", execute)
    event.listen(Engine, "commit", lambda connection: meet("COMMIT"))


def warm_up() -> None:
    """Reads the libraries, and works out what every command works out alike."""
    for name in LIBRARIES:
        importlib.import_module(name)
    from forecaster import calendar, evidence
    from forecaster.store import Store

    means, dispersions = np.meshgrid(np.geomspace(0.3, 150, 25), np.geomspace(1.02, 8, 9))
    evidence.count_p_values(np.zeros(means.shape), means, dispersions, "up")
    evidence.count_p_values(np.zeros(means.shape), means, dispersions, "down")
    for year in range(2017, 2028):
        calendar.bank_holidays(year)
    with Store("sqlite://") as store:
        store.migrate()


def main() -> None:
    warm_up()
    command = importlib.import_module("jobs.cli").main
    gc.freeze()  # what was read stays shared
    become(orders())
    try:
        command()
    except SystemExit as done:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(done.code or 0)  # tearing down what was never used takes longer than most commands


if __name__ == "__main__":
    main()
