"""Slack: the message as blocks, the chart in its thread, updates in the thread of the first message.

The bot token needs chat:write, files:write, channels:history and, for private channels, groups:history. Slack has no
idempotency key, so each message carries the delivery's id in its metadata and each chart carries it in its file's name;
`find` looks for it. The SDK's own retries are off: they post twice when a connection drops after the request.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk import WebClient

from forecaster import chart
from forecaster.channels._channel import Channel, Write
from forecaster.channels._slack_blocks import blocks, escaped, fallback
from forecaster.channels._slack_errors import FAILURES, send_error
from forecaster.messages import Delivery, SendError

EVENT = "forecaster_delivery"
TIMEOUT = 10  # seconds
PAGE, PAGES = 200, 10  # of history that are searched, newest first
LOOK_BACK = dt.timedelta(days=2)  # before a delivery's due time; it is never sent earlier than first due
TITLE, ALT_TEXT = 200, 1000
CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,}")
Item = dict[str, Any]


def create(secrets: Mapping[str, str], write: Write) -> Channel | None:
    """Returns Slack, or None without SLACK_BOT_TOKEN; SLACK_API_URL is another base address, for a test server.

    Raises ValueError when SLACK_API_URL is not an address.
    """
    token, url = secrets.get("SLACK_BOT_TOKEN", ""), secrets.get("SLACK_API_URL") or WebClient.BASE_URL
    if not re.match(r"https?://[^/\s]+", url):
        raise ValueError(f'SLACK_API_URL "{url}" is not an address; write one that begins with https://')
    return Slack(_client(token, url)) if token else None


def _client(token: str, url: str) -> WebClient:
    quiet = logging.getLogger(f"{__name__}.sdk")
    quiet.setLevel(logging.CRITICAL)  # a SendError says it all, and the SDK would log whole messages
    return WebClient(token, url if url.endswith("/") else url + "/", TIMEOUT, logger=quiet, retry_handlers=[])


@dataclass(frozen=True)
class Slack:
    """One Slack workspace; a target's address is a channel's id."""

    client: WebClient
    name: str = "slack"

    def send(self, delivery: Delivery) -> str:
        """Returns the message's timestamp, or the id of the chart's file; raises SendError."""
        _check(delivery)
        try:
            return self._post(delivery) if delivery.part == "text" else self._upload(delivery)
        except FAILURES as error:
            raise send_error(error) from error

    def find(self, delivery: Delivery) -> str | None:
        """Returns the receipt of an earlier send that did arrive, else None; raises SendError (ambiguous) if unsure."""
        _check(delivery)
        try:
            return next((found for item in self._items(delivery) if (found := _receipt(item, delivery))), None)
        except FAILURES as error:
            wait = send_error(error).retry_after
            raise SendError(
                f"Slack could not be searched: {send_error(error)}", ambiguous=True, retry_after=wait
            ) from error

    def _post(self, delivery: Delivery) -> str:
        message = delivery.message
        answer = self.client.chat_postMessage(
            channel=delivery.target.address,
            text=fallback(message),
            blocks=blocks(message),
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
