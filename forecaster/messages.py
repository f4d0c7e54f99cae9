"""What leaves the house: messages for people, and their way to each target. Nothing here knows a panel."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

from forecaster.types import Severity

MessageKind = Literal["alert", "change", "digest", "arrival"]


class SendError(Exception):
    """A message that did not get through.

    `permanent`: trying again cannot help. `ambiguous`: it may have arrived, look before sending again.
    `retry_after`: seconds the other side asked for. `down`: it is not about this message, nothing gets through for now.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        ambiguous: bool = False,
        retry_after: float | None = None,
        down: bool = False,
    ):
        self.permanent, self.ambiguous, self.retry_after, self.down = permanent, ambiguous, retry_after, down
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Line:
    """One labelled line of a message: ("Where", "North locality 18 of the 27 extra")."""

    label: str
    text: str


@dataclass(frozen=True)
class Chart:
    """What the picture shows, already safe to show: small numbers are suppressed before they come here.

    observed: NaN where missing or hidden; hidden: True where a count of 1 to 5 is not shown. level: where the
    neighbours would be, in the unit of the chart; level_label says so.
    """

    title: str
    unit: str
    periods: tuple[dt.date, ...]
    observed: tuple[float, ...]
    hidden: tuple[bool, ...]
    expected: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    ahead_periods: tuple[dt.date, ...] = ()
    ahead_median: tuple[float, ...] = ()
    ahead_lower: tuple[float, ...] = ()
    ahead_upper: tuple[float, ...] = ()
    onset: dt.date | None = None
    onset_label: str = ""
    level: float | None = None
    level_label: str = ""
    alt_text: str = ""


@dataclass(frozen=True)
class Message:
    """One channel-neutral message; every channel renders this and nothing else.

    kind: what it is: an alert, a change to one, the weekly digest, or data that did not arrive. answerable: whether it
    may be acknowledged, snoozed, assigned or called not useful; page: an address to look at it, "" where there is none.
    observed: what it tells of the alert's own, of a drift the share of the sum it tells; None for nothing. excess:
    whether it tells that as a number.
    """

    alert_id: str
    headline: str
    severity: Severity
    summary: str
    lines: tuple[Line, ...]
    evidence: str
    chart: Chart | None = None
    broadcast: bool = False  # an update that everyone in the channel should see, not only who follows the thread
    kind: MessageKind = "alert"
    answerable: bool = False
    page: str = ""
    exact: bool = False  # small numbers are shown: for a named role alone
    observed: float | None = None
    excess: bool = False

    @property
    def text(self) -> str:
        """The whole message as plain text, for the console, a fallback or a mail."""
        width = max((len(line.label) for line in self.lines), default=0)
        body = [f"{line.label:<{width}}  {line.text}" for line in self.lines]
        return "\n".join(part for part in (self.headline, self.summary, *body, self.evidence) if part)


@dataclass(frozen=True)
class Telling:
    """What one transition says.

    whole: the alert as it stands, for its first message; news: only what is new, None where all of it is.
    """

    whole: Message
    news: Message | None = None


Answer = Literal["acknowledge", "snooze", "assign", "useful", "not useful"]


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does about an alert, on whatever way: in Slack, on the page, at the command line.

    until: of a snooze; to: whom it is assigned to; token: the same for the same click, "" where it cannot come twice.
    """

    alert_id: str
    what: Answer
    by: str
    reason: str = ""
    until: dt.date | None = None
    to: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes: a channel by name ("slack", "console") and its address there (a Slack channel id)."""

    channel: str
    address: str = ""

    def __str__(self) -> str:
        return f"{self.channel}:{self.address}" if self.address else self.channel


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
MAIL_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")  # RFC 5322, section 3.4.1: dot-atoms


def mail_addresses(text: str) -> list[str]:
    """Returns the addresses of a target for mail, each once; ValueError where one is none, or there are none."""
    found = [address for part in text.split(",") if (address := part.strip())]
    wrong = next((address for address in found if not MAIL_ADDRESS.fullmatch(address)), "" if found else "nothing")
    if wrong:
        remedy = "write plain addresses such as ann@example.gov.uk, with commas between them"
        raise ValueError(f'the target has "{wrong}" for a mail address; {remedy}')
    return list(dict.fromkeys(found))


DeliveryPart = Literal["text", "chart", "edit"]
DeliveryState = Literal["pending", "claimed", "ambiguous", "sent", "failed", "dropped"]


@dataclass(frozen=True)
class Delivery:
    """One message part to one target for one transition.

    story: the thread it belongs to, an alert's id. A chart waits for the text it belongs to: `after` is that delivery's
    id. `thread` is the receipt of the story's first text on that target ("" for the first one itself): later texts go
    below it. An edit replaces the alert's own first text, `edits` is its receipt; to repeat one does no harm.
    """

    id: str
    alert_id: str
    transition_id: str
    target: Target
    part: DeliveryPart
    message: Message
    state: DeliveryState = "pending"
    story: str = ""
    after: str = ""
    thread: str = ""
    edits: str = ""
    attempts: int = 0
    receipt: str = ""
    error: str = ""
    due: dt.datetime | None = None
