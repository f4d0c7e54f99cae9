"""Sending what waits in the outbox, and saying what could not be sent."""

from __future__ import annotations

import datetime as dt

import typer

from forecaster.calendar import local_time
from forecaster.channels import Channel, open_channel
from forecaster.messages import DeliveryState
from forecaster.settings import Settings, SettingsError
from forecaster.store import Store
from jobs import deliver as delivering
from jobs.cli.terminal import NOT_WELL, console, say
from jobs.telling import available

UNSENT: tuple[DeliveryState, ...] = ("pending", "ambiguous")


def channels_of(settings: Settings) -> dict[str, Channel]:
    """Returns the channels that are set up, by name; raises SettingsError for a secret that cannot be used."""
    names = {target.channel for target in settings.targets if available(settings, target.channel)}
    try:
        found = {name: open_channel(name, settings.secrets.given, say) for name in names}
    except ValueError as error:
        raise SettingsError(f"environment: {error}") from None
    return {name: channel for name, channel in found.items() if channel is not None}


def send(store: Store, settings: Settings) -> None:
    """Sends what waits; ends with 1 where something could not be sent, and says why.

    What waits for the end of quiet hours is no failure.
    """
    sent = delivering.deliver(store, channels_of(settings), delivering.utc_now, patience=dt.timedelta(seconds=60))
    failed = store.deliveries(state="failed") if sent["failed"] else []
    unsent, now = [delivery for state in UNSENT for delivery in store.deliveries(state=state)], delivering.utc_now()
    later = [delivery.due for delivery in unsent if delivery.due and delivery.due > now and not delivery.attempts]
    waiting = [delivery for delivery in unsent if delivery.attempts or not delivery.due or delivery.due <= now]
    if later:
        say(f"{len(later)} to be sent after quiet hours, from {local_time(min(later)):%A %d %B %H:%M}.")
    for title, deliveries in (("not delivered", failed), ("not delivered yet", waiting)):
        for delivery in deliveries:
            why = delivery.error or "it waits for its turn"
            console(stderr=True).print(f"{title} to {delivery.target}: {why}", markup=False)
    if failed or waiting:
        raise typer.Exit(NOT_WELL)
