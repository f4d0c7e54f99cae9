"""The one executor for whatever must loop per series: here, in processes of this machine, or on a Dask cluster.

The answers are the same everywhere and in the order of the items. An error of the function comes as itself.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from threading import Thread
from time import monotonic, sleep
from typing import Any

from forecaster.config import Forecast
from forecaster.settings import SettingsError
from forecaster.types import Work, in_turn

Function = Callable[[Any], Any]
PATIENCE = 4.0  # seconds of work done here before processes are started: that takes a second or two
ROUNDS = 8  # chunks for each worker: a slow one holds up the others by an eighth at most
CONNECT = 10  # seconds in which a cluster must answer
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LOST = "the Dask cluster of [forecast] dask_address"
LOOK = 5.0  # seconds between two looks at whether a cluster still has workers


class WorkError(Exception):
    """A cluster that cannot do the work any more: str() is one line that names the remedy."""


@contextmanager
def executor(settings: Forecast) -> Iterator[Work]:
    """Gives what applies a function to many items, as [forecast] executor says; its workers are gone afterwards.

    Raises SettingsError if there is no cluster at dask_address, or nothing of ours to reach one with.
    """
    if settings.executor == "dask":
        with _cluster(settings.dask_address or "") as work:
            yield work
        return
    local = Local(settings.workers)
    try:
        yield local
    finally:
        local.close()


class Local:
    """Processes of this machine, started when there is enough to do and kept until `close`."""

    def __init__(self, workers: int):
        self._workers = workers
        self._pool: Any = None

    def __call__(self, function: Function, items: Sequence[Any]) -> list[Any]:
        """Returns the function's answer for each item, in their order."""
        done = _for_a_while(function, items)
        left = items[len(done) :]
        if len(left) < 2:
            return done + in_turn(function, left)
        from joblib import cpu_count  # late: a second to import, which what is done here by now did not need

        workers = self._workers or cpu_count()
        try:
            return done + (self._spread(function, left, workers) if workers > 1 else in_turn(function, left))
        except BrokenProcessPool:  # a worker was killed, for its memory most likely: one process needs less
            self.close()
            return done + in_turn(function, left)

    def _spread(self, function: Function, items: Sequence[Any], workers: int) -> list[Any]:
        # not joblib.Parallel, which leaves a folder behind until this process ends
        from joblib.externals.loky import ProcessPoolExecutor

        self._pool = self._pool or ProcessPoolExecutor(
            workers, env=ONE_THREAD, initializer=_end_with, initargs=(os.getpid(),)
        )
        # not `map`, which cancels what it has not come to: such a pool cannot be closed (loky 3.5)
        parts = [self._pool.submit(in_turn, function, chunk) for chunk in _chunks(items, workers)]
        return [answer for part in parts for answer in part.result()]

    def close(self) -> None:
        """Ends the processes and waits for them."""
        if self._pool:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None


def _end_with(parent: int) -> None:
    """Lets a worker end when the process that started it was killed: it would wait for work for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _for_a_while(function: Function, items: Sequence[Any]) -> list[Any]:
    """The answers for as many of the first items as PATIENCE allows."""
    began, done = monotonic(), []
    for item in items:
        if monotonic() - began >= PATIENCE:
            break
        done.append(function(item))
    return done


def _chunks(items: Sequence[Any], workers: int) -> list[Sequence[Any]]:
    size = -(-len(items) // (workers * ROUNDS))
    return [items[i : i + size] for i in range(0, len(items), size)]


@contextmanager
def _cluster(address: str) -> Iterator[Work]:
    """What works on a Dask cluster; its workers need this package too."""
    try:
        import distributed
    except ImportError as error:
        raise SettingsError(
            '[forecast] executor = "dask": Dask is not installed; pip install "forecaster[dask]", or set "local"'
        ) from error
    with _hushed("distributed"):
        try:
            client = distributed.Client(address, timeout=CONNECT)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f'[forecast] dask_address: no scheduler answers at "{address}"; start one with "dask scheduler", '
                'correct the address, or set executor = "local"'
            ) from error
        with client:
            yield partial(_on_cluster, client)


def _on_cluster(client: Any, function: Function, items: Sequence[Any]) -> list[Any]:
    """The function's answer for each item; what a worker that died had in hand or had answered is done again."""
    import distributed

    if not items:
        return []
    chunks = _chunks(items, _workers(client))
    futures = client.map(partial(in_turn, function), chunks, pure=False)
    try:
        _wait(client, futures)
        parts = client.gather(futures)
    except distributed.KilledWorker as error:
        raise WorkError(f"{LOST} killed workers again and again; give them more memory") from error
    except CancelledError as error:
        raise WorkError(f"{LOST} was lost; see that its scheduler runs, then run again") from error
    return [answer for part in parts for answer in part]


def _workers(client: Any) -> int:
    """How many workers a cluster has, once it has one."""
    try:
        client.wait_for_workers(1, timeout=CONNECT)
    except TimeoutError as error:
        raise WorkError(f'{LOST} has no workers; start some with "dask worker"') from error
    return len(client.nthreads())


def _wait(client: Any, futures: Sequence[Any]) -> None:
    """Returns when all is done; raises WorkError when nobody is left to do it."""
    import distributed

    while True:
        try:
            distributed.wait(futures, timeout=LOOK)
            return
        except TimeoutError:
            _workers(client)


@contextmanager
def _hushed(library: str) -> Iterator[None]:
    """Leaves out a library's log lines about its connections: what comes of them is raised here."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.split(".")[0] == library]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
