"""Work in processes of this machine: the same answers in the same order, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import errands
import pytest

from forecaster.config import Forecast
from forecaster.types import Work, in_turn
from jobs import executor

ITEMS = [(i, 5 + i) for i in range(60)]


@pytest.fixture(scope="module")
def at_once() -> Iterator[None]:
    """Processes are started at once, however little there is to do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "PATIENCE", 0.0)
        yield


@pytest.fixture(scope="module")
def two(at_once: None) -> Iterator[Work]:
    with executor.executor(Forecast(workers=2)) as work:
        yield work


def test_answers_are_those_of_doing_it_here_in_their_order(two: Work) -> None:
    assert two(errands.sum_of_squares, ITEMS) == in_turn(errands.sum_of_squares, ITEMS)


@pytest.mark.usefixtures("at_once")
def test_other_processes_do_it_with_one_thread_each_and_are_gone_afterwards() -> None:
    with executor.executor(Forecast(workers=2)) as work:
        doing = set(work(errands.process, list(range(24))))
        assert set(work(errands.threads, list(range(4)))) == {"1"}
    assert len(doing) == 2
    assert os.getpid() not in doing
    assert not [pid for pid in doing if alive(pid)]


def test_an_error_of_the_function_comes_as_itself_and_work_goes_on(two: Work) -> None:
    with pytest.raises(KeyError, match="seven"):
        two(errands.fails_at_7, list(range(40)))
    assert two(errands.sum_of_squares, ITEMS[:3]) == in_turn(errands.sum_of_squares, ITEMS[:3])


def test_a_process_that_is_killed_loses_nothing(two: Work, tmp_path: Path) -> None:
    items = [(number, str(tmp_path / "killed")) for number in range(40)]
    assert two(errands.dies_once, items) == list(range(40))
    assert (tmp_path / "killed").exists()
    assert two(errands.sum_of_squares, ITEMS) == in_turn(errands.sum_of_squares, ITEMS)


@pytest.mark.parametrize("items", [[], [3]])
def test_next_to_nothing_is_done_here(two: Work, items: list[int]) -> None:
    assert two(errands.process, items) == [os.getpid()] * len(items)


@pytest.mark.usefixtures("at_once")
def test_one_worker_is_this_process() -> None:
    with executor.executor(Forecast(workers=1)) as work:
        assert set(work(errands.process, list(range(3)))) == {os.getpid()}


def test_what_is_soon_done_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "PATIENCE", 60.0)
    with executor.executor(Forecast(workers=2)) as work:
        assert set(work(errands.process, list(range(4)))) == {os.getpid()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_processes_are_gone_soon_after_a_stop(number: int, tmp_path: Path) -> None:
    script = Path(__file__).with_name("endless_work.py")
    running = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stderr=subprocess.PIPE, start_new_session=True
    )
    with running:
        assert waited_for(lambda: len(list(tmp_path.iterdir())) == 2)
        running.send_signal(number)
        running.communicate(timeout=20)
    workers = [int(file.name) for file in tmp_path.iterdir()]
    assert waited_for(lambda: not any(map(alive, workers)))


def waited_for(condition: object, seconds: float = 20) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
