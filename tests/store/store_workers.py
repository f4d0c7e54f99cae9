"""What other processes do in the tests of the store; some of them are killed."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

from store_cases import LEASE, RECEIVED, batched, many, run

from forecaster.read.extract import Batch
from forecaster.store import Store


def processes() -> ForkServerContext:
    """Processes that share nothing with the tests, from a server that has read the libraries once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["forecaster.store", "forecaster.read.extract", "hypothesis"])
    return context


def run_all(work: Callable[..., None], *arguments: tuple[object, ...]) -> list[int | None]:
    """Runs `work` in one process for each set of arguments, all at once; returns their exit codes."""
    workers = [processes().Process(target=work, args=each) for each in arguments]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    return [worker.exitcode for worker in workers]


def migrate_many_times(url: str, ready: Barrier) -> None:
    ready.wait(30)
    for _ in range(3):
        with Store(url) as store:
            store.migrate()


def claim_until_empty(url: str, owner: str, now: dt.datetime, ready: Barrier, taken: Queue[list[str]]) -> None:
    """Claims and sends all there is, and says which deliveries those were."""
    mine: list[str] = []
    with Store(url) as store:
        ready.wait(30)
        while found := store.claim(now, owner, LEASE, lambda _: True, limit=3):
            for item in found:
                store.mark_sent(item.id, f"{owner} {item.id}", now)
                mine.append(item.id)
    taken.put(mine)


def ingest_together(url: str, name: str, ready: Barrier, taken: Queue[tuple[int, bool]]) -> None:
    with Store(url) as store:
        ready.wait(30)
        summary = store.ingest(batched(name, many(5, 200)), RECEIVED)
    taken.put((summary.new, summary.already))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_while_ingesting(url: str) -> None:
    def batches() -> Iterator[Batch]:
        yield from many(3, 500)
        die()

    with Store(url) as store:
        store.ingest(batched("killed.csv", batches()), RECEIVED)


def die_while_committing(url: str, table: str) -> None:
    """Killed as soon as something was written to a table, before the commit."""
    from sqlalchemy import event
    from sqlalchemy.engine import Connection, Engine

    def watch(connection: Connection, cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(f"INSERT INTO {table} "):
            die()

    event.listen(Engine, "after_cursor_execute", watch)
    with Store(url) as store:
        store.commit_run(run())


def die_holding_a_claim(url: str, now: dt.datetime) -> None:
    with Store(url) as store:
        store.claim(now, "worker 1", LEASE, lambda _: True)
        die()
