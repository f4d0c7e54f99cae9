"""The outbox: what is to be sent, who is sending it, and what became of it.

    pending --claim--> claimed --mark--> sent | failed | pending (again, later) | ambiguous
    claimed, and its worker is gone or too late --> ambiguous: it may have been sent, so the next worker looks first
    failed --by hand--> ambiguous, to be tried again | dropped
    pending or ambiguous, and overdue by a day --by hand--> dropped

An ambiguous delivery that is being looked at stays ambiguous; its owner and lease say who has it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from forecaster.messages import Delivery, DeliveryState, Message, Target
from forecaster.store.codec import from_text, to_text
from forecaster.store.engine import insert
from forecaster.store.schema import deliveries, transitions

HELD = ("claimed", "ambiguous")
UNSETTLED = ("pending", *HELD)
UNTOLD = ("failed", "dropped")
DAY = dt.timedelta(days=1)
TRIES = 150  # in a day, as the pauses between them grow to ten minutes
_COLUMNS = ("id", "alert_id", "transition_id", "part", "state", "after", "attempts", "receipt", "error", "due")
FAILED = deliveries.c.state == "failed"


def add(connection: Connection, items: Iterable[Delivery]) -> None:
    """Puts deliveries into the outbox; one that was there before stays as it is."""
    for item in sorted(items, key=lambda item: item.after != ""):  # a text comes before its chart
        connection.execute(insert(connection, deliveries).values(_row(item)).on_conflict_do_nothing())


def _row(item: Delivery) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in _COLUMNS}
    target = {"channel": item.target.channel, "address": item.target.address}
    return row | target | {"story": item.story or item.alert_id, "message": to_text(item.message)}


def _same(one: Any, other: Any, about: str) -> ColumnElement[bool]:
    """Whether two deliveries go to one target and are of one story, or of one alert_id."""
    return and_(*(one.c[name] == other.c[name] for name in (about, "channel", "address")))


def _query() -> Select[Any]:
    """Deliveries with their thread, and with what an edit replaces: receipts of first texts sent to the same target."""
    thread, edits = (_first_text(about) for about in ("story", "alert_id"))
    return select(deliveries, thread.label("thread"), edits.label("edits")).order_by(deliveries.c.position)


def _first_text(about: str) -> ColumnElement[str]:
    first = deliveries.alias()
    receipt = (
        select(first.c.receipt)
        .where(_same(first, deliveries, about), first.c.part == "text", first.c.state == "sent")
        .where(or_(first.c.position < deliveries.c.position, deliveries.c.state != "sent"))
        .order_by(first.c.position)
        .limit(1)
    )
    return func.coalesce(receipt.scalar_subquery(), "")


def read(connection: Connection, alert_id: str | None, state: DeliveryState | None) -> list[Delivery]:
    """Returns the deliveries in the order in which they were put in."""
    query = _query()
    if alert_id is not None:
        query = query.where(deliveries.c.alert_id == alert_id)
    if state is not None:
        query = query.where(deliveries.c.state == state)
    return [_delivery(row, row.state, row.attempts) for row in connection.execute(query)]


def overdue(connection: Connection, now: dt.datetime) -> list[Delivery]:
    """Returns what should have been sent a day ago, in the order in which it was put in."""
    return [_delivery(row, row.state, row.attempts) for row in connection.execute(_query().where(_overdue(now)))]


def _overdue(now: dt.datetime) -> ColumnElement[bool]:
    """Each try moves the moment that something is due, so that tries tell the time as well."""
    late = or_(deliveries.c.due < now - DAY, deliveries.c.attempts >= TRIES)
    return and_(deliveries.c.state.in_(("pending", "ambiguous")), deliveries.c.owner.is_(None), late)


def texts(connection: Connection) -> list[tuple[Target, str, str, dt.datetime]]:
    """Returns of every text about a change: to whom, of which alert and story, and when it was, oldest first.

    One that failed told nobody: what comes next has to say the whole.
    """
    columns = (deliveries.c.channel, deliveries.c.address, deliveries.c.alert_id, deliveries.c.story, transitions.c.at)
    query = select(*columns).join(transitions, transitions.c.id == deliveries.c.transition_id)
    told = query.where(deliveries.c.part == "text", deliveries.c.state.not_in(UNTOLD))
    rows = connection.execute(told.order_by(deliveries.c.position))
    return [(Target(channel, address), alert_id, story, at) for channel, address, alert_id, story, at in rows]


def first_sent(connection: Connection, alert_id: str, since: dt.datetime) -> dt.datetime | None:
    """Returns when the first text about an alert since a moment was sent, None where none was."""
    texts = (deliveries.c.alert_id == alert_id, deliveries.c.part == "text", deliveries.c.sent_at >= since)
    moment: dt.datetime | None = connection.scalar(select(func.min(deliveries.c.sent_at)).where(*texts))
    return moment


def as_told(connection: Connection, alert_ids: Sequence[str]) -> list[tuple[Target, Message]]:
    """Returns of each target and each of these alerts the whole alert as it was last told there."""
    query = select(deliveries.c.channel, deliveries.c.address, deliveries.c.message).order_by(deliveries.c.position)
    rows = connection.execute(query.where(deliveries.c.alert_id.in_(alert_ids), deliveries.c.part != "chart"))
    found = ((Target(channel, address), from_text(Message, message)) for channel, address, message in rows)
    newest = {(target, message.alert_id): message for target, message in found if message.kind in ("alert", "arrival")}
    return [(target, message) for (target, _), message in newest.items()]


def _delivery(row: Row[Any], state: DeliveryState, attempts: int) -> Delivery:
    return Delivery(
        id=row.id,
        alert_id=row.alert_id,
        transition_id=row.transition_id,
        target=Target(row.channel, row.address),
        part=row.part,
        message=from_text(Message, row.message),
        state=state,
        story=row.story,
        after=row.after,
        thread=row.thread,
        edits=row.edits,
        attempts=attempts,
        receipt=row.receipt,
        error=row.error,
        due=row.due,
    )


def claim(
    connection: Connection,
    now: dt.datetime,
    owner: str,
    lease: dt.timedelta,
    alive: Callable[[str], bool],
    limit: int,
    without: Collection[str] = (),
) -> list[Delivery]:
    """Returns deliveries that are this owner's to send until the lease is over; no other worker gets them.

    state is "claimed", or "ambiguous" where somebody may have sent it already. At most one text or edit a story and
    target, in order. without: channels that get none for now.
    """
    owners = select(deliveries.c.owner).where(deliveries.c.state.in_(HELD), deliveries.c.owner.is_not(None)).distinct()
    gone = [other for other in connection.scalars(owners) if other != owner and not alive(other)]
    claimable = _claimable(now, gone).where(deliveries.c.channel.not_in(without)).limit(limit)
    rows = connection.execute(claimable).all()
    return [item for row in rows if (item := _take(connection, row, owner, now + lease))]


def next_due(connection: Connection, now: dt.datetime) -> dt.datetime | None:
    """Returns the moment after now at which the next delivery that nobody holds can be claimed, None without one."""
    free = (deliveries.c.state.in_(UNSETTLED), deliveries.c.owner.is_(None), deliveries.c.due > now)
    in_turn = (_its_text_is_sent(), ~_another_text_is_first())
    moment: dt.datetime | None = connection.scalar(select(func.min(deliveries.c.due)).where(*free, *in_turn))
    return moment


def channels_used(connection: Connection) -> set[str]:
    """Returns the channels for which something was ever put into the outbox."""
    return set(connection.scalars(select(deliveries.c.channel).distinct()))


def _claimable(now: dt.datetime, gone: list[str]) -> Select[Any]:
    free = or_(deliveries.c.owner.is_(None), deliveries.c.lease_until <= now, deliveries.c.owner.in_(gone))
    due = or_(deliveries.c.due.is_(None), deliveries.c.due <= now)
    return _query().where(deliveries.c.state.in_(UNSETTLED), free, due, _its_text_is_sent(), ~_another_text_is_first())


def _its_text_is_sent() -> ColumnElement[bool]:
    before = deliveries.alias("before")
    sent = exists().where(before.c.id == deliveries.c.after, before.c.state == "sent")
    return or_(deliveries.c.after == "", sent)


def _another_text_is_first() -> ColumnElement[bool]:
    earlier = deliveries.alias("earlier")
    return exists().where(
        deliveries.c.part != "chart",
        _same(earlier, deliveries, "story"),
        earlier.c.part != "chart",
        earlier.c.state.in_(UNSETTLED),
        earlier.c.position < deliveries.c.position,
    )


def _take(connection: Connection, row: Row[Any], owner: str, lease_until: dt.datetime) -> Delivery | None:
    """Compare and set: every claim counts an attempt, so a row that somebody else took no longer matches."""
    state: DeliveryState = "claimed" if row.state == "pending" else "ambiguous"
    same = (deliveries.c.id == row.id) & (deliveries.c.state == row.state) & (deliveries.c.attempts == row.attempts)
    taken = {"state": state, "owner": owner, "lease_until": lease_until, "attempts": row.attempts + 1}
    if not connection.execute(deliveries.update().where(same).values(taken)).rowcount:
        return None
    return _delivery(row, state, row.attempts + 1)


def mark_sent(connection: Connection, delivery_id: str, receipt: str, now: dt.datetime) -> None:
    """Sent is a fact: it holds even if the lease was over."""
    unsent = (deliveries.c.id == delivery_id) & (deliveries.c.state != "sent")
    values = {"state": "sent", "receipt": receipt, "error": "", "sent_at": now, "due": None}
    connection.execute(deliveries.update().where(unsent).values(**values, owner=None, lease_until=None))


def mark(connection: Connection, delivery_id: str, state: DeliveryState, error: str, due: dt.datetime | None) -> None:
    """Gives a delivery back as pending, ambiguous or failed; a chart fails with its text. What is settled stays."""
    values = {"state": state, "error": error, "due": due, "owner": None, "lease_until": None}
    held = (deliveries.c.id == delivery_id) & deliveries.c.state.in_(HELD)
    changed = connection.execute(deliveries.update().where(held).values(values)).rowcount
    if changed and state == "failed":
        chart = (deliveries.c.after == delivery_id) & deliveries.c.state.in_(UNSETTLED)
        failed = values | {"error": f"its text failed: {error}"}
        connection.execute(deliveries.update().where(chart).values(failed))


def retry_failed(connection: Connection, now: dt.datetime) -> int:
    """Makes what failed ambiguous, to be tried again now, and returns how many that were.

    What was overtaken, as a later text about the same alert was sent to the target, is dropped: it would be old news.
    """
    later = deliveries.alias("later")
    newer = (later.c.part == "text", later.c.state == "sent", later.c.position > deliveries.c.position)
    overtaken = exists().where(_same(later, deliveries, "alert_id"), *newer)
    _settle(connection, {"state": "dropped"}, FAILED, overtaken)
    return _settle(connection, {"state": "ambiguous", "due": now}, FAILED)


def drop(connection: Connection, now: dt.datetime) -> int:
    """Gives up what failed and what is overdue by a day, with the charts of both; returns how many that were."""
    late, given_up = list(connection.scalars(select(deliveries.c.id).where(_overdue(now)))), {"state": "dropped"}
    return _settle(connection, given_up, or_(FAILED, deliveries.c.id.in_(late), deliveries.c.after.in_(late)))


def _settle(connection: Connection, values: Mapping[str, Any], *which: ColumnElement[bool]) -> int:
    return connection.execute(deliveries.update().where(*which).values(values)).rowcount
