"""Slack: the message as blocks, the chart in its thread, updates in the thread of the first message.

The bot token needs chat:write, files:write, channels:history, for private channels groups:history, and for the names of
those who press a button users:read. Slack has no idempotency key, so each message carries the delivery's id in its
metadata and each chart carries it in its file's name; `find` looks for it. An edit says how the message is to be, so it
can be sent twice. The SDK's own retries are off: they post twice when a connection drops after the request.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk import WebClient

from forecaster import chart
from forecaster.channels._channel import Channel, OnAct, Write
from forecaster.channels._slack_blocks import blocks, escaped, fallback
from forecaster.channels._slack_errors import FAILURES, send_error
from forecaster.channels._slack_socket import Listener
from forecaster.messages import Delivery, DeliveryPart, SendError

PARTS: frozenset[DeliveryPart] = frozenset({"text", "chart", "edit"})
NEEDS = ("SLACK_BOT_TOKEN",)
EVENT = "forecaster_delivery"
TIMEOUT = 10  # seconds
PAGE, PAGES = 200, 10  # of history that are searched, newest first
LOOK_BACK = dt.timedelta(days=14)  # before a delivery's due time, which moves with every try
TITLE, ALT_TEXT = 200, 1000
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,}")
Item = dict[str, Any]


def create(secrets: Mapping[str, str], write: Write) -> Channel | None:
    """Returns Slack, or None without SLACK_BOT_TOKEN; SLACK_API_URL is another base address, for a test server.

    With SLACK_APP_TOKEN as well an alert has buttons. Raises ValueError when SLACK_API_URL is not an address.
    """
    client = _client(secrets)
    return Slack(client, answers=bool(secrets.get("SLACK_APP_TOKEN"))) if client else None


def listen(secrets: Mapping[str, str], on_act: OnAct, today: Callable[[], dt.date] = dt.date.today) -> Listener | None:
    """Returns what listens to the buttons until it is closed, or None without SLACK_BOT_TOKEN and SLACK_APP_TOKEN.

    on_act: does what a person asked for and returns one line to tell them, raises ValueError with one line when it
    cannot be done; the same click may come twice, with the same token. today: the date a snooze must be after. The
    connection is made, and made anew, in the background. Raises ValueError when SLACK_API_URL is not an address.
    """
    client, token = _client(secrets), secrets.get("SLACK_APP_TOKEN", "")
    return Listener(client, token, on_act, today) if client and token else None


def _client(secrets: Mapping[str, str]) -> WebClient | None:
    token, url = secrets.get("SLACK_BOT_TOKEN", ""), secrets.get("SLACK_API_URL") or WebClient.BASE_URL
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError(f'SLACK_API_URL "{url}" is not an address; write one that begins with https://')
    if not token:
        return None
    quiet = logging.getLogger(f"{__name__}.sdk")
    quiet.setLevel(logging.CRITICAL)  # a SendError says it all, and the SDK would log whole messages
    return WebClient(token, url if url.endswith("/") else url + "/", TIMEOUT, logger=quiet, retry_handlers=[])


@dataclass(frozen=True)
class Slack:
    """One Slack workspace; a target's address is a channel's id. answers: whether someone listens to its buttons."""

    client: WebClient
    answers: bool = False
    name: str = "slack"

    def send(self, delivery: Delivery) -> str:
        """Returns the message's timestamp, or the id of the chart's file; raises SendError."""
        _check(delivery)
        ways: dict[DeliveryPart, Callable[[Delivery], str]] = {
            "text": self._post,
            "chart": self._upload,
            "edit": self._edit,
        }
        try:
            return ways[delivery.part](delivery)
        except FAILURES as error:
            raise send_error(error) from error

    def find(self, delivery: Delivery) -> str | None:
        """Returns the receipt of an earlier send that did arrive, else None; raises SendError (ambiguous) if unsure.

        An edit is not looked for: to send it again does no harm.
        """
        _check(delivery)
        if delivery.part == "edit":
            return None
        try:
            return next((found for item in self._items(delivery) if (found := _receipt(item, delivery))), None)
        except FAILURES as error:
            why = send_error(error)
            text = f"Slack could not be searched: {why}"
            raise SendError(text, ambiguous=True, retry_after=why.retry_after, down=why.down) from error

    def _post(self, delivery: Delivery) -> str:
        message = delivery.message
        answer = self.client.chat_postMessage(
            channel=delivery.target.address,
            text=fallback(message),
            blocks=blocks(message, self.answers),
            thread_ts=delivery.thread or None,
            reply_broadcast=True if delivery.thread and message.broadcast else None,
            metadata={"event_type": EVENT, "event_payload": {"delivery_id": delivery.id}},
            mrkdwn=False,
            parse="none",
            link_names=False,
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["ts"])

    def _edit(self, delivery: Delivery) -> str:
        """The message keeps its metadata, and so its delivery id, as none is given."""
        answer = self.client.chat_update(
            channel=delivery.target.address,
            ts=delivery.edits,
            text=fallback(delivery.message),
            blocks=blocks(delivery.message, self.answers),
            parse="none",
            link_names=False,
        )
        return str(answer["ts"])

    def _upload(self, delivery: Delivery) -> str:
        """The SDK asks for an address, puts the bytes there and shares the file: only the last step posts anything."""
        picture = delivery.message.chart
        assert picture is not None
        answer = self.client.files_upload_v2(
            content=chart.png(picture),
            filename=_file_name(delivery),
            title=escaped(picture.title, TITLE),
            alt_txt=escaped(picture.alt_text, ALT_TEXT),
            channel=delivery.target.address,
            thread_ts=delivery.thread,
        )
        return str(answer["files"][0]["id"])

    def _items(self, delivery: Delivery) -> Iterator[Item]:
        """Messages where the delivery would be, in thread or channel; raises SendError if there are too many."""
        channel, cursor = delivery.target.address, ""
        oldest = f"{(delivery.due - LOOK_BACK).timestamp():.6f}" if delivery.due else None
        for _ in range(PAGES):
            if delivery.thread:
                answer = self.client.conversations_replies(
                    channel=channel, ts=delivery.thread, limit=PAGE, cursor=cursor or None, include_all_metadata=True
                )
            else:
                answer = self.client.conversations_history(
                    channel=channel, oldest=oldest, limit=PAGE, cursor=cursor or None, include_all_metadata=True
                )
            yield from answer["messages"]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
        raise SendError("the channel has too many messages to search", ambiguous=True)


def _check(delivery: Delivery) -> None:
    """Raises a permanent SendError for a delivery that Slack could never take."""
    if not CHANNEL_ID.fullmatch(delivery.target.address):
        remedy = "open the channel's details in Slack and copy the id at the foot, such as C0123ABCD"
        raise SendError(f'"{delivery.target.address}" is not a Slack channel id; {remedy}', permanent=True)
    if delivery.part == "chart" and delivery.message.chart is None:
        raise SendError("the message has no chart", permanent=True)
    if delivery.part == "chart" and not delivery.thread:
        raise SendError("the chart waits for its text")
    if delivery.part == "edit" and not delivery.edits:
        raise SendError("the message to be brought up to date was never sent", permanent=True)


def _file_name(delivery: Delivery) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", delivery.id) + ".png"


def _receipt(item: Item, delivery: Delivery) -> str | None:
    """The receipt of a delivery if this message is it."""
    if delivery.part == "chart":
        return next(
            (str(file["id"]) for file in item.get("files", ()) if file.get("name") == _file_name(delivery)), None
        )
    metadata = item.get("metadata") or {}
    ours = metadata.get("event_type") == EVENT
    return str(item["ts"]) if ours and metadata.get("event_payload", {}).get("delivery_id") == delivery.id else None
