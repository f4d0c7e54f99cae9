"""Sends what waits in the outbox: at least once, and never twice without looking first."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from forecaster.channels import Channel
from forecaster.messages import Delivery, DeliveryState, SendError
from forecaster.store import Store

LEASE = dt.timedelta(minutes=2)
LONGEST_PAUSE, LONGEST_WAIT = 600.0, 86_400.0  # seconds between two tries, and when the other side asks for more
FAULTS = 10  # tries of what fails by a fault of ours
log = logging.getLogger("forecaster")
Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    """Returns the moment in UTC."""
    return dt.datetime.now(dt.UTC)


def _began(pid: int) -> str:
    """When a process of this machine began, as the kernel counts it; "" where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def owner() -> str:
    """Returns the name this process claims deliveries under: machine, process and when it began."""
    return f"{socket.gethostname()}/{os.getpid()}/{_began(os.getpid())}"


def is_alive(name: str) -> bool:
    """Returns whether the owner of a claim may still be sending; of another machine nothing is known but its lease."""
    host, pid, began = name.rsplit("/", 2)
    return host != socket.gethostname() or _began(int(pid)) == began


def deliver(
    store: Store,
    channels: Mapping[str, Channel],
    clock: Clock = utc_now,
    patience: dt.timedelta = dt.timedelta(0),
    pause: Callable[[float], None] = time.sleep,
) -> Counter[DeliveryState]:
    """Returns how many deliveries ended in which state; waits up to `patience` for those that must be tried again.

    What else waits for a channel that is down is left for the next pass: each try may take its time.
    """
    outcome: Counter[DeliveryState] = Counter()
    me, began, down = owner(), clock(), set[str]()
    until = began + patience
    while True:
        claimed = store.claim(clock(), me, LEASE, is_alive, limit=1, without=down)
        for delivery in claimed:
            outcome[_attempt(store, channels, delivery, clock(), down)] += 1
        if not claimed:
            due = store.next_due(began)  # what was due before waits for a channel that is down
            if due is None or due > until:
                return outcome
            pause(max((due - clock()).total_seconds(), 0.05))
            began, down = clock(), set()


def _attempt(
    store: Store, channels: Mapping[str, Channel], delivery: Delivery, now: dt.datetime, down: set[str]
) -> DeliveryState:
    """Tries one delivery and writes down how it went; one that may have been sent before is looked for first."""
    channel = channels.get(delivery.target.channel)
    if channel is None:  # its secret may be missing for this run only
        missing = SendError(f"the channel {delivery.target.channel} is not set up", retry_after=LONGEST_PAUSE)
        return _put_off(store, delivery, missing, now)
    try:
        receipt = channel.find(delivery) if delivery.state == "ambiguous" else None
        receipt = receipt or channel.send(delivery)
    except SendError as error:
        if error.down:
            down.add(channel.name)
        return _put_off(store, delivery, error, now)
    except Exception as error:  # noqa: BLE001 - the job's edge: one message is parked, the others are sent
        return _put_off(store, delivery, _fault(error, delivery), now)
    store.mark_sent(delivery.id, receipt, now)
    return "sent"


def _fault(error: Exception, delivery: Delivery) -> SendError:
    """Of an error nobody expected the log gets the place, not the words: they may be of the message."""
    name, frame = type(error).__name__, traceback.extract_tb(error.__traceback__)[-1]
    log.error("sending to %s failed: %s in %s, line %s", delivery.target, name, frame.filename, frame.lineno)
    return SendError(f"a fault of ours: {name}", ambiguous=True, permanent=delivery.attempts >= FAULTS)


def _put_off(store: Store, delivery: Delivery, error: SendError, now: dt.datetime) -> DeliveryState:
    due = now + dt.timedelta(seconds=_pause(delivery.attempts, error.retry_after))
    if error.permanent:
        store.mark_failed(delivery.id, str(error))
        return "failed"
    if error.ambiguous or delivery.state == "ambiguous":
        store.mark_ambiguous(delivery.id, str(error), due)
        return "ambiguous"
    store.mark_pending(delivery.id, str(error), due)
    return "pending"


def _pause(attempts: int, asked: float | None) -> float:
    """Seconds until the next try: longer each time, or as the other side asked, which may have been nonsense (NaN)."""
    if asked is None:
        return min(2.0 ** min(attempts, 10), LONGEST_PAUSE)
    return asked if 0 <= asked <= LONGEST_WAIT else LONGEST_WAIT
