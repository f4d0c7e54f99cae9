"""Sends what waits in the outbox: at least once, and never twice without looking first."""

from __future__ import annotations

import datetime as dt
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from forecaster.channels import Channel
from forecaster.messages import Delivery, DeliveryState, SendError
from forecaster.store import Store

LEASE = dt.timedelta(minutes=2)
LONGEST_PAUSE = 600.0  # seconds between two tries
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
    """Returns how many deliveries ended in which state; waits up to `patience` for those that must be tried again."""
    outcome: Counter[DeliveryState] = Counter()
    me, until = owner(), clock() + patience
    while True:
        claimed = store.claim(clock(), me, LEASE, is_alive, limit=1)
        for delivery in claimed:
            outcome[_attempt(store, channels, delivery, clock())] += 1
        if not claimed:
            wait = _next_due(store, clock())
            if wait is None or clock() + wait > until:
                return outcome
            pause(max(wait.total_seconds(), 0.05))


def _next_due(store: Store, now: dt.datetime) -> dt.timedelta | None:
    """How long until something is to be tried again, None when nothing is."""
    waiting = [d.due for state in ("pending", "ambiguous") for d in store.deliveries(state=state) if d.due]
    return max(min(waiting) - now, dt.timedelta(0)) if waiting else None


def _attempt(store: Store, channels: Mapping[str, Channel], delivery: Delivery, now: dt.datetime) -> DeliveryState:
    """Tries one delivery and writes down how it went; one that may have been sent before is looked for first."""
    channel = channels.get(delivery.target.channel)
    if channel is None:  # its secret may be missing for this run only
        missing = SendError(f"the channel {delivery.target.channel} is not set up", retry_after=LONGEST_PAUSE)
        return _put_off(store, delivery, missing, now)
    try:
        receipt = channel.find(delivery) if delivery.state == "ambiguous" else None
        receipt = receipt or channel.send(delivery)
    except SendError as error:
        return _put_off(store, delivery, error, now)
    store.mark_sent(delivery.id, receipt, now)
    return "sent"


def _put_off(store: Store, delivery: Delivery, error: SendError, now: dt.datetime) -> DeliveryState:
    seconds = error.retry_after if error.retry_after is not None else min(2.0**delivery.attempts, LONGEST_PAUSE)
    due = now + dt.timedelta(seconds=seconds)
    if error.permanent:
        store.mark_failed(delivery.id, str(error))
        return "failed"
    if error.ambiguous or delivery.state == "ambiguous":
        store.mark_ambiguous(delivery.id, str(error), due)
        return "ambiguous"
    store.mark_pending(delivery.id, str(error), due)
    return "pending"
