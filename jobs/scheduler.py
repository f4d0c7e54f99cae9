"""Runs the jobs on their times until told to stop; what a stop or a sleep made us miss is caught up."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from forecaster.calendar import DAY, last_complete, local_date, week_start
from forecaster.channels import Channel, listen
from forecaster.config import DAYS
from forecaster.messages import Act
from forecaster.settings import Settings, cron_fields
from forecaster.store import Store
from jobs.answers import answer, end_snoozes, escalate
from jobs.arrival import check_arrival
from jobs.deliver import deliver, utc_now
from jobs.digest import send_digest
from jobs.doctor import STEPS, is_well
from jobs.heartbeat import ping
from jobs.ingest import ingest_inbox
from jobs.page import pages
from jobs.telling import digest_targets, held_back, hours_of, operations_targets
from jobs.watch import run_day

log = logging.getLogger("forecaster")
BEAT_SECONDS, HOUR_SECONDS = 30, 3600
HOURLY = ("arrival", "snoozes", "escalate", "ping")
RETRY = dt.timedelta(minutes=10)  # after a weekly job failed
WEEKLY = ("ingest", "watch", "catch-up")
DIGEST, DIGEST_AGAIN = "digest", "digest of this week"


@dataclass(frozen=True)
class Service:
    """What the jobs need; each job is one method, so that it can be run and tested without a schedule."""

    store: Store
    settings: Settings
    secret: bytes
    channels: dict[str, Channel]
    clock: Callable[[], dt.datetime] = utc_now

    def ingest(self) -> None:
        """Reads what waits in the inbox; a file that is refused is named in the log and does not stop the others."""
        for received in ingest_inbox(self.store, self.settings, self.secret, self.clock()):
            if received.error:
                log.error("refused %s", received.error)
            elif received.summary:
                log.info("read %s: %d new, %d corrected, %d rejected", received.path.name, received.summary.new,
                         received.summary.corrected, len(received.summary.rejected))  # fmt: skip
        self.arrival()

    def watch(self) -> None:
        """Judges the newest week and queues the messages."""
        now = self.clock()
        for result in run_day(self.store, self.settings, local_date(now), now, hours=hours_of(self.settings)):
            run = result.run
            log.info("judged %s of %s: %d transitions, %d not run", run.step, run.period, len(run.transitions),
                     len(run.not_run))  # fmt: skip
            if result.stale:
                log.warning("%s", result.stale)

    def deliver(self) -> None:
        """Sends what waits in the outbox."""
        sent = deliver(self.store, self.channels, self.clock)
        if sent:
            log.info("deliveries: %s", ", ".join(f"{count} {state}" for state, count in sent.items()))

    def beat(self) -> None:
        """Says that the service is alive."""
        self.store.heartbeat(self.clock())

    def digest(self) -> None:
        """Queues what is said every week, whether or not anything moved."""
        now = self.clock()
        held = [alert.id for alert in held_back(self.store, self.settings)]
        targets = digest_targets(self.store, self.settings)
        send_digest(self.store, self.settings, now, targets, held, hours_of(self.settings))

    def digest_is_due(self) -> bool:
        """Returns whether this week's digest should have been sent by now; sending it again does nothing."""
        schedule = self.settings.schedule
        now, when = self.clock().astimezone(ZoneInfo(schedule.timezone)), cron_fields(schedule.digest)
        day = week_start(now.date()) + DAYS.index(str(when["day_of_week"])) * DAY
        return now >= dt.datetime.combine(day, dt.time(int(when["hour"]), int(when["minute"])), now.tzinfo)

    def arrival(self) -> None:
        """Tells those who run the service when data did not arrive, and when it came after all."""
        targets = operations_targets(self.store, self.settings)
        for change in check_arrival(self.store, self.settings, self.clock(), targets):
            log.warning("%s: %s", change.alert_id, change.reason)

    def snoozes(self) -> None:
        """Ends the snoozes whose day has come."""
        for change in end_snoozes(self.store, self.clock()):
            log.info("%s: %s", change.alert_id, change.reason)

    def escalate(self) -> None:
        """Tells the next in line of alerts that nobody answers."""
        for change in escalate(self.store, self.settings, self.clock()):
            log.info("%s: %s", change.alert_id, change.reason)

    def ping(self) -> None:
        """Tells the watchdog elsewhere that all is well, if it is; when it hears nothing it raises the alarm."""
        url = self.settings.secrets.heartbeat_url
        if url:
            ping(url.get_secret_value(), is_well(self.store, self.settings, self.clock()))

    def answer(self, act: Act) -> str:
        """Does what a person asked for on some channel; ValueError, in one plain line, where it cannot be done."""
        return answer(self.store, act, self.clock())

    def today(self) -> dt.date:
        return local_date(self.clock())

    def missed(self) -> bool:
        """Returns whether a week that is over has not been judged: the run was missed, or there never was one."""
        due = last_complete(local_date(self.clock()), "week")
        newest = [run.as_of for step in STEPS if (run := self.store.last_run(step))]
        return not newest or last_complete(max(newest), "week") < due


def _add_jobs(scheduler: BackgroundScheduler, service: Service) -> None:
    schedule = service.settings.schedule
    zone = ZoneInfo(schedule.timezone)
    weekly = {"ingest": schedule.ingest, "watch": schedule.watch, DIGEST: schedule.digest}
    for name, when in weekly.items():
        scheduler.add_job(getattr(service, name), CronTrigger(timezone=zone, **cron_fields(when)), id=name)
    scheduler.add_listener(partial(_try_again, scheduler, service), EVENT_JOB_ERROR)
    often = {"deliver": schedule.deliver_every_seconds, "beat": BEAT_SECONDS} | dict.fromkeys(HOURLY, HOUR_SECONDS)
    for name, seconds in often.items():
        scheduler.add_job(getattr(service, name), IntervalTrigger(seconds=seconds), id=name, max_instances=1)
    if service.missed():
        log.info("a run was missed: catching up")
        scheduler.add_job(_catch_up, args=[service], id="catch-up")
    if service.digest_is_due():
        scheduler.add_job(service.digest, id=DIGEST_AGAIN)


def _try_again(scheduler: BackgroundScheduler, service: Service, failed: JobExecutionEvent) -> None:
    """Nobody waits a week because a disk was full for a minute."""
    again: dict[str, tuple[Callable[[Service], None], str]] = dict.fromkeys(WEEKLY, (_catch_up, "catch-up"))
    again |= dict.fromkeys((DIGEST, DIGEST_AGAIN), (Service.digest, DIGEST_AGAIN))
    if failed.job_id in again:
        job, name = again[failed.job_id]
        log.warning("%s failed: trying again in %s", failed.job_id, RETRY)
        scheduler.add_job(job, DateTrigger(utc_now() + RETRY), args=[service], id=name, replace_existing=True)


def _catch_up(service: Service) -> None:
    service.ingest()
    service.watch()


@contextmanager
def signalled(*numbers: signal.Signals) -> Iterator[Callable[[], object]]:
    """Yields what waits for one of these signals.

    It waits for a byte that the interpreter writes: a handler that sets an Event may interrupt the very wait for it,
    which holds its lock, and a signal just before a wait for a lock begins does not end it.
    """
    reading, writing = socket.socketpair()
    with reading, writing:
        writing.setblocking(False)
        for number in numbers:
            signal.signal(number, lambda *_: None)
        before = signal.set_wakeup_fd(writing.fileno())
        try:
            yield lambda: reading.recv(1)
        finally:
            signal.set_wakeup_fd(before)


def serve(service: Service, stop: Callable[[], object]) -> None:
    """Runs until `stop` returns, which waits to be told, then finishes the job in hand.

    One worker thread: jobs never overlap, so a delivery never reads a half-written week. A job that fails is logged by
    APScheduler with its traceback and runs again at its next time, a weekly one soon. None is dropped for being late.
    """
    service.beat()
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1)}, job_defaults={"misfire_grace_time": None}, timezone=dt.UTC
    )
    _add_jobs(scheduler, service)
    with ExitStack() as ears:
        for name in service.channels:
            if ear := listen(name, service.settings.secrets.given, service.answer, service.today):
                ears.enter_context(ear)
                log.info("listening to answers on %s", name)
        if address := ears.enter_context(pages(service.store, service.settings, service.secret, service.clock)):
            log.info("pages on %s", address)
        scheduler.start()
        log.info("serving: watch %s (%s)", service.settings.schedule.watch, service.settings.schedule.timezone)
        stop()
        log.info("stopping: finishing the job in hand")
        scheduler.remove_all_jobs()  # shutdown alone trips its own thread over a one-time job that starts just then
        scheduler.shutdown(wait=True)
    log.info("stopped")
