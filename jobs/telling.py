"""Who is told what: from transitions and their words to rows of the outbox, along the routes of config."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from zoneinfo import ZoneInfo

from forecaster.calendar import local_date, local_time, to_utc, week_start
from forecaster.channels import missing_secrets, parts
from forecaster.config import Target as Place
from forecaster.messages import Delivery, DeliveryPart, Message, Target, Telling
from forecaster.routing import Addressee, Booking, Hours, Route, Told, book, everybody, who
from forecaster.settings import Settings, SettingsError
from forecaster.store import Store
from forecaster.types import Alert, Transition

ANY_TIME = Hours()
SILENT = ("console",)  # channels that disturb nobody: a terminal, or a log


def routes_of(store: Store, settings: Settings) -> list[Route]:
    """Returns the routes of config, with those targets only that are in use."""
    places = {name: _addressee(place, settings) for name, place in in_use(store, settings).items()}

    def there(names: Iterable[str]) -> tuple[Addressee, ...]:
        return tuple(places[name] for name in names if name in places)

    return [
        Route(
            there(route.to), route.measures, route.breakdowns, route.severity, route.direction,
            tuple(there([name]) for name in route.escalate if name in places),
        )
        for route in settings.routes
    ]  # fmt: skip


def _addressee(place: Place, settings: Settings) -> Addressee:
    return Addressee(place.name, place.target, place.exact, place.most_per_week or settings.telling.most_per_week)


def straight_to(targets: Sequence[Target]) -> list[Route]:
    """Returns a route that brings everything to these targets, without a cap."""
    return [Route(tuple(Addressee(str(target), target) for target in targets))]


def hours_of(settings: Settings) -> Hours:
    """Returns when nobody is to be disturbed."""
    telling = settings.telling
    start, end = (dt.time.fromisoformat(time) for time in (telling.quiet_from, telling.quiet_to))
    zone = ZoneInfo(settings.schedule.timezone)
    return Hours(start, end, telling.working_days_only, zone, telling.high_at_any_time)


def available(settings: Settings, channel: str) -> bool:
    """Returns whether a channel has the secrets it needs; raises SettingsError where there is no such channel."""
    try:
        return not missing_secrets(channel, settings.secrets.given)
    except LookupError as error:
        raise SettingsError(f"[[targets]] channel: {error.args[0]}") from None


def in_use(store: Store, settings: Settings) -> dict[str, Place]:
    """Returns the targets that messages are queued for, by name: their channel is set up, or was once.

    A secret may be missing for this run only. A channel that was never used is left out, and doctor says so.
    """
    used = store.channels_used()
    return {one.name: one for one in settings.targets if one.channel in used or available(settings, one.channel)}


def digest_targets(store: Store, settings: Settings) -> list[Target]:
    """Returns who gets the weekly digest: as config says, or everybody whom a route names."""
    named = settings.telling.digest_to
    everyone = [name for route in settings.routes for name in route.to]
    return _targets(store, settings, everyone if named is None else named)


def operations_targets(store: Store, settings: Settings) -> list[Target]:
    """Returns who is told that data did not arrive."""
    named = settings.telling.operations_to
    return digest_targets(store, settings) if named is None else _targets(store, settings, named)


def _targets(store: Store, settings: Settings, names: Iterable[str]) -> list[Target]:
    places = in_use(store, settings)
    return [places[name].target for name in dict.fromkeys(names) if name in places]


def heard(store: Store, routes: Sequence[Route], now: dt.datetime) -> dict[str, Told]:
    """Returns what each addressee of the routes was told so far, by name; new alerts are those of this ISO week."""
    monday = to_utc(week_start(local_date(now)))
    told: dict[Target, list[tuple[str, str, dt.datetime]]] = defaultdict(list)
    for target, alert_id, story, at in store.texts():
        told[target].append((alert_id, story, at))
    return {one.name: _told(told[one.target], monday) for one in everybody(routes)}


def _told(texts: Sequence[tuple[str, str, dt.datetime]], monday: dt.datetime) -> Told:
    began: dict[str, dt.datetime] = {}
    for _, story, at in texts:
        began.setdefault(story, at)
    openings = sum(at >= monday for at in began.values())
    return Told(openings, frozenset(alert_id for alert_id, _, _ in texts), frozenset(began))


def deliveries(
    told: Sequence[tuple[Alert, Transition]],
    safe: Mapping[str, Telling],
    exact: Mapping[str, Telling],
    routes: Sequence[Route],
    known: Mapping[str, Told],
    now: dt.datetime,
    hours: Hours,
) -> Iterator[Delivery]:
    """Yields what goes into the outbox for some transitions: nothing for what is held.

    safe, exact: the words of each transition by its id, without and with small numbers.
    """
    alerts = {transition.id: (alert, transition) for alert, transition in told}
    for booking in book(told, routes, known, now, hours):
        if booking.held:
            continue
        alert, transition = alerts[booking.transition_id]
        words = exact if booking.addressee.exact else safe
        first = alert.id not in known.get(booking.addressee.name, Told()).alerts
        yield from _booked(booking, alert, transition, words[transition.id], first)


def _booked(
    booking: Booking, alert: Alert, transition: Transition, telling: Telling, first: bool
) -> Iterator[Delivery]:
    """A text, its picture, and the edit that brings the alert's first message up to date."""
    target, whole = booking.addressee.target, telling.whole
    news = whole if first or telling.news is None else telling.news
    if first and not booking.opening:
        news = replace(news, broadcast=True)  # a new alert below another: who reads the channel should see it
    yield from parts_of(alert, transition, target, news, None if first else whole, booking.due)


def parts_of(
    alert: Alert,
    transition: Transition,
    target: Target,
    text: Message | None,
    edit: Message | None,
    due: dt.datetime | None = None,
) -> Iterator[Delivery]:
    """Yields the deliveries of one transition to one target, as far as its channel can send them; due: not before."""
    can = parts(target.channel)
    story = alert.story or alert.id

    def delivery(part: DeliveryPart, message: Message, after: str = "") -> Delivery:
        name = delivery_id(transition.id, target, part)
        return Delivery(
            name, alert.id, transition.id, target, part, message, story=story, after=after, due=due_at(target, due)
        )

    if text is not None:
        yield (sent := delivery("text", text))
        if text.chart and "chart" in can:
            yield delivery("chart", text, after=sent.id)
    if edit is not None and "edit" in can:
        yield delivery("edit", edit)


def due_at(target: Target, due: dt.datetime | None) -> dt.datetime | None:
    """Returns when something is due that should disturb nobody before a moment."""
    return None if target.channel in SILENT else due


def delivery_id(about: str, target: Target, part: str) -> str:
    """Returns the name of a delivery, the same for the same transition, target and part: a rerun stays silent."""
    return blake2b(f"{about}|{target}|{part}".encode(), digest_size=10).hexdigest()


def held_back(store: Store, settings: Settings) -> list[Alert]:
    """Returns the open alerts that go to somebody and that nobody was told of: over a weekly cap, or not delivered."""
    routes, told = routes_of(store, settings), {alert_id for _, alert_id, _, _ in store.texts()}
    alerts = [alert for alert in store.alerts(open_only=True) if alert.kind != "arrival" and alert.id not in told]
    return [alert for alert in alerts if who(alert, routes)]


def would_be_told(
    alert: Alert, routes: Sequence[Route], known: Mapping[str, Told], now: dt.datetime, hours: Hours
) -> Iterator[str]:
    """Yields a line for everybody whom an alert would go to if it opened at this moment: when, or why it is held."""
    opening = Transition(f"{alert.id}/dry-run", alert.id, now, None, "opened", "")
    others = {name: replace(told, alerts=told.alerts - {alert.id}) for name, told in known.items()}
    for booking in book([(alert, opening)], routes, others, now, hours):
        due = due_at(booking.addressee.target, booking.due)
        when = f"{local_time(due):%A %d %B %H:%M}" if due else "at once"
        exact = ", with exact numbers" if booking.addressee.exact else ""
        how = f"held for the digest: {booking.held}" if booking.held else f"told {when}{exact}"
        yield f"{booking.addressee.name} ({booking.addressee.target}): {how}"
