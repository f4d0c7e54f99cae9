"""`serve`: catches up what was missed, delivers, and stops when it is told to, with the job in hand done."""

from __future__ import annotations

import datetime as dt
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from e2e_council import TOLD, WEEK, totals
from e2e_deadly import MANAGERS_ONLY, DeadlySlack, check_told_once
from e2e_office import SCRIPT, Office, Running, wait_until

from forecaster.settings import load
from forecaster.store import Store
from jobs import scheduler
from tests.channels.slack_double import Refused, SlackDouble

EAGER = MANAGERS_ONLY + "\n[schedule]\ndeliver_every_seconds = 1\n"
POST = "chat.postMessage"
PSEUDONYM = re.compile(r"\b[0-9a-f]{32}\b")


@pytest.fixture
def serving(office: Office, slack: SlackDouble) -> Office:
    """An office that is ready to serve; a file with a surge waits in its inbox."""
    office.configure(EAGER)
    office.write("var/inbox/totals.csv", *totals(weeks=123))
    return office


def log(running: Running) -> str:
    return running.out.read_text() + running.err.read_text()


def stop(running: Running, number: int = signal.SIGTERM) -> str:
    """Tells it to stop, waits for its end and returns its log."""
    running.kill(number)
    wait_until(running.ended)
    assert running.code == 0, log(running)
    assert "stopping: finishing the job in hand" in log(running) and log(running).rstrip().endswith("stopped")
    return log(running)


def all_sent(office: Office, number: int) -> bool:
    rows = office.database.exists() and office.rows("SELECT name FROM sqlite_master WHERE name = 'deliveries'")
    return bool(rows) and office.rows("SELECT state FROM deliveries") == [("sent",)] * number


def test_a_missed_run_is_caught_up_delivered_and_stopped_promptly(serving: Office, slack: SlackDouble) -> None:
    running = serving.start("serve")
    wait_until(lambda: all_sent(serving, 2))
    began = time.monotonic()
    told = stop(running)
    assert time.monotonic() - began < 20
    for words in ("a run was missed: catching up", "read totals.csv: 123 new", f"judged week of {TOLD - WEEK}"):
        assert words in told
    assert "deliveries: 2 sent" in told
    check_told_once(serving, slack)
    assert [path.parent.name for path in (serving.folder / "var" / "inbox").rglob("*.csv")] == ["done"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_not_missed_is_not_run_again(serving: Office, slack: SlackDouble, number: int) -> None:
    serving.forecaster("run").done()
    before = len(slack.requests)
    running = serving.start("serve")
    wait_until(lambda: "serving: watch mon 07:00 (Europe/London)" in log(running))
    assert "catching up" not in stop(running, number)
    assert len(slack.requests) == before


def test_the_installed_service_is_alive_while_it_runs(serving: Office, slack: SlackDouble) -> None:
    with subprocess.Popen([SCRIPT, "serve"], cwd=serving.folder, env=serving.environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as service:  # fmt: skip
        try:
            wait_until(lambda: all_sent(serving, 2))
            assert serving.forecaster("doctor", "--live").code == 0
            service.send_signal(signal.SIGTERM)
            told, _ = service.communicate(timeout=60)
        finally:
            service.kill()
    assert service.returncode == 0 and told.rstrip().endswith("stopped")
    assert serving.forecaster("doctor", "--live").code == 0  # it was there a moment ago


def test_the_job_in_hand_at_the_end_is_finished(serving: Office, slack: SlackDouble) -> None:
    """Told to stop while Slack takes the first message: message and chart are sent and marked before the end."""
    running = serving.start("serve")
    slack.answered = lambda method, arguments: running.kill(signal.SIGTERM) if method == POST else None
    wait_until(running.ended)
    assert running.code == 0, log(running)
    assert "stopping" in log(running) and "deliveries: 2 sent" in log(running)
    check_told_once(serving, slack)


def test_killed_and_started_again_the_service_tells_once(serving: Office, deadly: DeadlySlack) -> None:
    deadly.kill_at(POST, "done")
    running = deadly.start(serving, "serve")
    wait_until(running.ended)
    assert running.code == -9 and len(deadly.posts) == 1
    again = serving.start("serve")
    wait_until(lambda: all_sent(serving, 2))
    stop(again)
    check_told_once(serving, deadly)


def test_failures_are_logged_without_a_row_or_an_identifier_and_the_service_goes_on(
    serving: Office, slack: SlackDouble
) -> None:
    serving.forecaster("doctor")  # makes the tables
    serving.write("var/inbox/a.csv", "child_id,event,date", "Zebedee Quillfeather,referral,12/31/2023")
    serving.write("var/inbox/b.csv", "name;born", "Zebedee Quillfeather;2011-01-08")
    serving.change("CREATE TRIGGER broken BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'broken'); END")
    running = serving.start("serve")
    wait_until(lambda: "broken" in log(running))
    assert log(running).count("refused ") == 2
    assert not running.ended()
    told = stop(running)
    assert "Quillfeather" not in told and not PSEUDONYM.search(told)


def test_a_delivery_that_fails_for_good_is_logged_and_does_not_stop_the_service(
    serving: Office, slack: SlackDouble
) -> None:
    slack.fail(POST, Refused("channel_not_found"))
    running = serving.start("serve")
    wait_until(lambda: "deliveries: 1 failed" in log(running))
    assert not running.ended()
    stop(running)
    assert "channel_not_found" in " ".join(error for (error,) in serving.rows("SELECT error FROM deliveries"))


def test_a_bad_config_stops_the_service_at_the_start(office: Office) -> None:
    office.configure("[schedule]\nwatch = 'monday'\n")
    assert "must be a day and a time" in office.forecaster("serve").refused()


def test_a_file_that_comes_while_the_service_sleeps_waits_for_its_time(serving: Office, slack: SlackDouble) -> None:
    running = serving.start("serve")
    wait_until(lambda: all_sent(serving, 2))
    late = serving.write("var/inbox/late.csv", *totals(weeks=124))
    stop(running)
    assert late.exists()


STOPS = """
import random, signal
from jobs.scheduler import signalled

with signalled(signal.SIGALRM) as wait:
    for _ in range(20_000):
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 6e-5))
        wait()
"""


def test_a_signal_is_heard_whenever_it_comes() -> None:
    """Also in the moment in which the wait for it begins: with an Event that a handler sets this stands still."""
    subprocess.run([sys.executable, "-c", STOPS], check=True, timeout=60)


def test_a_stop_while_what_was_missed_is_being_started_is_quiet(
    office: Office, counted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: told to stop before it begins, with a run to catch up and a digest that is due."""
    monkeypatch.chdir(office.folder)
    failed: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    office.give(counted)
    stopping, wednesday = threading.Event(), dt.datetime(2022, 8, 10, 9, tzinfo=dt.UTC)
    stopping.set()
    with Store(f"sqlite:///{office.database}") as store:
        service = scheduler.Service(store, load(None, {}), b"key", {}, clock=lambda: wednesday)
        for _ in range(2):
            scheduler.serve(service, stopping.wait)
    assert failed == []


def test_a_weekly_job_that_failed_is_tried_again_soon(
    office: Office, counted: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In this process, so that soon is now."""
    monkeypatch.chdir(office.folder)
    monkeypatch.setattr(scheduler, "RETRY", dt.timedelta(seconds=0.2))
    office.give(counted)
    office.change("CREATE TRIGGER broken BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'broken'); END")
    stopping = threading.Event()
    with Store(f"sqlite:///{office.database}") as store:
        service = scheduler.Service(store, load(None, {}), b"key", {})
        thread = threading.Thread(target=scheduler.serve, args=(service, stopping.wait))
        thread.start()
        wait_until(lambda: "catch-up failed: trying again" in caplog.text)
        office.change("DROP TRIGGER broken")
        wait_until(lambda: office.rows("SELECT step FROM runs") == [("week",)])
        stopping.set()
        thread.join()


def test_a_digest_that_failed_is_tried_again_soon(
    office: Office, counted: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(office.folder)
    monkeypatch.setattr(scheduler, "RETRY", dt.timedelta(seconds=0.2))
    office.give(counted)
    office.change(
        "CREATE TRIGGER broken BEFORE INSERT ON deliveries WHEN NEW.alert_id = 'digest' "
        "BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    stopping, wednesday = threading.Event(), dt.datetime(2022, 8, 10, 9, tzinfo=dt.UTC)
    with Store(f"sqlite:///{office.database}") as store:
        service = scheduler.Service(store, load(None, {}), b"key", {}, clock=lambda: wednesday)
        thread = threading.Thread(target=scheduler.serve, args=(service, stopping.wait))
        thread.start()
        wait_until(lambda: "digest of this week failed: trying again" in caplog.text)
        office.change("DROP TRIGGER broken")
        wait_until(
            lambda: office.rows("SELECT story FROM deliveries WHERE alert_id = 'digest'") == [("digest-2022-W31",)]
        )
        stopping.set()
        thread.join()
