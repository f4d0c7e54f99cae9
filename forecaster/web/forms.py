"""The forms of an alert, and what a person does by sending one."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from forecaster.calendar import DAY
from forecaster.messages import Act, Answer
from forecaster.words.wording import clean

LONGEST = 500  # characters of what a person writes
TOKEN = "page:"
FieldName = Literal["reason", "until", "to"]


@dataclass(frozen=True)
class Field:
    """One thing to fill in."""

    name: FieldName
    label: str
    hint: str = ""
    kind: Literal["text", "date"] = "text"


@dataclass(frozen=True)
class Form:
    """path: the last word of the address it is sent to; means: what comes of it."""

    what: Answer
    path: str
    title: str
    means: str
    fields: tuple[Field, ...]


REASON = Field("reason", "Reason", "Kept with the alert. Do not name a child or a family.")
FORMS = (
    Form(
        "acknowledge", "acknowledge", "Acknowledge",
        "You look into it. The alert stays open and says no more unless it worsens.", (REASON,),
    ),
    Form(
        "snooze", "snooze", "Snooze", "The alert says no more until a date unless it worsens.",
        (Field("until", "Until", "Such as 2018-02-05.", "date"), REASON),
    ),
    Form(
        "assign", "assign", "Assign", "Says who looks into it. The alert still waits for an answer.",
        (Field("to", "To", "The name of a person at work."), Field("reason", "Reason (optional)", REASON.hint)),
    ),
    Form(
        "not useful", "not-useful", "Not useful",
        "Counts against the method that raised it. The alert says no more unless it worsens.", (REASON,),
    ),
)  # fmt: skip
BY_PATH = {form.path: form for form in FORMS}


def sent(body: bytes) -> dict[str, str]:
    """Returns the fields of a form as a browser sends it, without the spaces around them.

    Raises ValueError, in one plain line, for what no browser sends.
    """
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    return {name: value.strip() for name, value in pairs}


def act_of(form: Form, alert_id: str, by: str, given: Mapping[str, str]) -> Act:
    """Returns what a person does; the same for the same form sent twice.

    Raises ValueError, in one plain line, for what cannot be read.
    """
    for field in form.fields:
        if len(given.get(field.name, "")) > LONGEST:
            raise ValueError(f"{field.label} must be {LONGEST} characters or fewer")
    until = _date(given.get("until", "")) if form.what == "snooze" else None
    reason, to = given.get("reason", ""), given.get("to", "")
    return Act(alert_id, form.what, by, reason, until, to, TOKEN + mark_of(form, given))


def mark_of(form: Form, given: Mapping[str, str]) -> str:
    """Returns what tells one filled-in form from another: the same for the same form sent twice."""
    parts = [form.path, given.get("token", ""), *(given.get(field.name, "") for field in form.fields)]
    return hashlib.blake2b(repr(parts).encode(), digest_size=10).hexdigest()


def _date(text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f'Until must be a date such as 2018-02-05, not "{clean(text)}"') from None


def earliest(today: dt.date) -> dt.date:
    """Returns the first day until which an alert may be snoozed."""
    return today + DAY
