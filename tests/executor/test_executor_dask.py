"""Work on a Dask cluster: a real scheduler and real workers, one of which is killed while it works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import errands
import numpy as np
import pytest
from dask_cluster import Cluster, cluster
from made_panels import panel

from forecaster.config import Forecast
from forecaster.models import prophet
from forecaster.settings import SettingsError
from forecaster.types import Ask, Work, in_turn
from jobs import executor

ITEMS = [(i, 5 + i) for i in range(60)]


def on(address: str) -> Forecast:
    return Forecast(executor="dask", dask_address=address)


@pytest.fixture
def work(two_workers: Cluster) -> Iterator[Work]:
    with executor.executor(on(two_workers.address)) as found:
        yield found


def test_answers_are_those_of_doing_it_here_in_their_order(work: Work) -> None:
    assert work(errands.sum_of_squares, ITEMS) == in_turn(errands.sum_of_squares, ITEMS)
    assert work(errands.sum_of_squares, []) == []


def test_both_workers_do_it(work: Work, two_workers: Cluster) -> None:
    doing = set(work(errands.process, list(range(40))))
    assert doing == {worker.pid for worker in two_workers.processes[1:]}


def test_an_error_of_the_function_comes_as_itself_and_work_goes_on(work: Work) -> None:
    with pytest.raises(KeyError, match="seven"):
        work(errands.fails_at_7, list(range(20)))
    assert work(errands.sum_of_squares, ITEMS[:3]) == in_turn(errands.sum_of_squares, ITEMS[:3])


def test_forecasts_are_those_of_this_machine(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "PATIENCE", 0.0)
    some = panel(np.random.default_rng(1).poisson(20, (12, 156)))
    here, far = (prophet.predict(some, Ask((130, 156), 9, how)) for how in (in_turn, work))
    with executor.executor(Forecast(workers=2)) as local:
        beside = prophet.predict(some, Ask((130, 156), 9, local))
    assert np.array_equal(here, far)
    assert np.array_equal(here, beside)


def test_a_cluster_that_lost_its_last_worker_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster(tmp_path, workers=1) as made, executor.executor(on(made.address)) as work:
        work(errands.process, [1])
        for name in ("CONNECT", "LOOK"):
            monkeypatch.setattr(executor, name, 0.5)
        Timer(0.4, made.processes[1].kill).start()
        with pytest.raises(executor.WorkError, match='has no workers; start some with "dask worker"'):
            work(errands.slow_sum, ITEMS)


def test_an_address_where_no_scheduler_answers_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "CONNECT", 0.5)
    with (
        pytest.raises(SettingsError, match=r'^\[forecast\] dask_address: no scheduler answers at "tcp://127.0.0.1:9"'),
        executor.executor(on("tcp://127.0.0.1:9")),
    ):
        pass
    with pytest.raises(SettingsError, match="dask_address"), executor.executor(on("nonsense")):
        pass


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)  # as if it were not installed
    with (
        pytest.raises(SettingsError, match=r'Dask is not installed; pip install "forecaster\[dask\]"'),
        executor.executor(on("tcp://127.0.0.1:9")),
    ):
        pass


def test_a_worker_that_is_killed_loses_nothing_and_a_scheduler_that_is_killed_is_said(
    work: Work, two_workers: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The last test here: it is the end of the cluster."""
    scheduler, doomed, _ = two_workers.processes
    Timer(0.4, doomed.kill).start()
    assert work(errands.slow_sum, ITEMS) == in_turn(errands.sum_of_squares, ITEMS)
    assert doomed.poll() == -9
    monkeypatch.setattr(executor, "LOOK", 0.5)
    Timer(0.4, scheduler.kill).start()
    with pytest.raises(executor.WorkError, match="was lost"):
        work(errands.slow_sum, ITEMS)
    assert caplog.records == []
