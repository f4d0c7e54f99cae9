"""A working directory with the real command line in it: what an analyst's machine looks like from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCRIPT = Path(sys.executable).with_name("forecaster")
SOURCE = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds: far more than anything here takes
# What is not about quiet hours, digests and late data has none of them, whatever day it is.
AT_ANY_TIME = """
[telling]
quiet_from = "00:00"
quiet_to = "00:00"
working_days_only = false
digest_to = []
operations_to = []
"""
TINY = (
    AT_ANY_TIME
    + """
[detection]
min_history_weeks = 78
calm_periods = 2
[measures]
min_slice_total = 150
[forecast]
prophet = []
"""
)


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    def done(self) -> Said:
        """Returns itself if all went well."""
        assert self.code == 0, self
        return self

    def refused(self) -> str:
        """Returns the one line of a refusal: exit code 2, nothing else on standard error."""
        assert self.code == 2, self
        lines = self.err.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: "), self
        return lines[0].removeprefix("error: ")


@dataclass
class Zygote:
    """The process that starts the commands, see e2e_zygote.py."""

    process: subprocess.Popen[str]
    turns: threading.RLock = field(default_factory=threading.RLock)  # a Slack that kills asks from another thread

    @classmethod
    def born(cls) -> Zygote:
        surroundings = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # threads do not survive a fork
        return cls(subprocess.Popen([sys.executable, Path(__file__).with_name("e2e_zygote.py")], env=surroundings,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))  # fmt: skip

    def ask(self, order: Mapping[str, Any]) -> Any:
        assert self.process.stdin and self.process.stdout
        with self.turns:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        with self.process:
            assert self.process.stdin
            self.process.stdin.close()


@dataclass
class Running:
    """A command that has been started."""

    zygote: Zygote
    pid: int
    out: Path
    err: Path
    code: int | None = None

    def ended(self) -> bool:
        """Returns whether it has come to an end."""
        with self.zygote.turns:
            if self.code is None:
                self.code = self.zygote.ask({"wait": self.pid})
            return self.code is not None

    def said(self) -> Said:
        """Waits for its end and returns what it said; nothing a person reads may be a traceback."""
        wait_until(self.ended)
        assert self.code is not None
        said = Said(self.code, self.out.read_text(), self.err.read_text())
        assert not self.failed(), said
        return said

    def failed(self) -> bool:
        """Returns whether it has logged an error that nobody expected."""
        return "Traceback" in self.out.read_text() + self.err.read_text()

    def kill(self, number: int = signal.SIGKILL) -> None:
        if not self.ended():
            os.kill(self.pid, number)


def wait_until(true: Any, patience: float = PATIENCE) -> None:
    """Waits until something holds; AssertionError when it takes too long."""
    until = time.monotonic() + patience
    while not true():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.01)


@dataclass
class Office:
    """A folder to work in, a home elsewhere and an environment that holds nothing else."""

    folder: Path
    home: Path
    zygote: Zygote
    now: str = ""  # where the clock begins, "" for the real one
    hurry: Path | None = None  # a folder for pictures where nobody is to wait, see e2e_zygote.py
    environment: dict[str, str] = field(default_factory=dict)
    started: list[Running] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(parents=True, exist_ok=True)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TZ": "UTC", **self.environment}

    def configure(self, text: str, name: str = "forecaster.toml") -> Path:
        """Writes a config file and uses it from now on."""
        (self.folder / name).write_text(text)
        self.environment["FORECASTER_CONFIG"] = name
        return self.folder / name

    def write(self, name: str, *lines: str, encoding: str = "utf-8") -> Path:
        """Writes a text file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes("\n".join([*lines, ""]).encode(encoding))
        return path

    def forecaster(self, *arguments: object, **surroundings: Any) -> Said:
        """Runs a command to its end; surroundings as for `start`."""
        return self.start(*arguments, **surroundings).said()

    def start(
        self, *arguments: object, death: Sequence[str] = (), now: str = "", largest_file: int = 0, **environment: str
    ) -> Running:
        """Starts a command; environment: further variables; the rest is told in e2e_zygote.py."""
        number = len(self.started)
        out, err = (self.home / f"{number}.{name}" for name in ("out", "err"))
        out.touch()
        err.touch()
        order = {
            "arguments": [str(argument) for argument in arguments],
            "folder": str(self.folder),
            "environment": self.environment | environment,
            "out": str(out),
            "err": str(err),
            "now": now or self.now,
            "death": list(death),
            "largest_file": largest_file,
            "hurry": str(self.hurry or ""),
        }
        running = Running(self.zygote, self.zygote.ask(order), out, err)
        self.started.append(running)
        return running

    def script(self, *arguments: object, **environment: str) -> Said:
        """Runs the installed script, as a person does."""
        done = subprocess.run([SCRIPT, *map(str, arguments)], cwd=self.folder, env=self.environment | environment,
                              capture_output=True, text=True, timeout=PATIENCE, check=False)  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        """Ends what is still running."""
        for running in self.started:
            running.kill()

    # The database, seen from outside

    @property
    def database(self) -> Path:
        return self.folder / "var" / "forecaster.db"

    def give(self, var: Path) -> None:
        """Puts a copy of another office's var folder in the place of its own."""
        shutil.rmtree(self.folder / "var", ignore_errors=True)
        shutil.copytree(var, self.folder / "var")

    def keep(self, var: Path) -> Path:
        """Returns a place with a copy of its var folder, for others to be given."""
        shutil.copytree(self.folder / "var", var)
        return var

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a query."""
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query).fetchall()

    def change(self, statement: str) -> None:
        """Changes the database behind the service's back."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(statement)

    def dump(self) -> list[str]:
        """Returns the whole database as SQL."""
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database)) as connection:
            return list(connection.iterdump())

    def files(self) -> Iterator[Path]:
        """Yields every file of the folder, and whatever was said on the terminal."""
        for place in (self.folder, self.home):
            yield from (path for path in sorted(place.rglob("*")) if path.is_file())
