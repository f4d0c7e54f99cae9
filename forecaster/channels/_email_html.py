"""A message as the HTML of a mail: one column for phones, no colours of its own so that dark mode can choose them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from forecaster.channels._notes import page
from forecaster.messages import Line, Message

FONT = "font-family:system-ui,-apple-system,'Segoe UI',Arial,sans-serif"
BODY = f"margin:0;padding:16px;{FONT};font-size:16px;line-height:1.45"
COLUMN = "max-width:640px;margin:0 auto"
H1 = "margin:0 0 8px;font-size:22px;line-height:1.25"
PARAGRAPH = "margin:0 0 12px"
PICTURE = "display:block;width:100%;max-width:640px;height:auto;margin:4px 0 16px;border:0"
BUTTON = "display:inline-block;padding:10px 18px;border:2px solid;border-radius:6px;font-weight:bold"
FOOT = "margin:0 0 8px;font-size:13px"
HIDDEN = "display:none;max-height:0;overflow:hidden"
# No links out of what looks like a number, a date or an address: none of them is one.
HEAD = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
    '<meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">'
)


def html(message: Message, picture: str, foot: Sequence[str]) -> str:
    """Returns the mail as an HTML page, the chart on a phone's first screen: after the line that says what was counted.

    picture: the chart's Content-ID, "" without one; foot: sentences that end the mail.
    """
    parts = [
        _preview(message),
        f'<h1 style="{H1}">{escape(message.headline)}</h1>',
        _paragraph(f"<strong>{escape(message.summary)}</strong>" if message.summary else ""),
        *(_paragraph(_line(line)) for line in message.lines[:1]),
        _picture(message, picture),
        *(_paragraph(_line(line)) for line in message.lines[1:]),
        _button(message),
        *(f'<p style="{FOOT}">{escape(text)}</p>' for text in (message.evidence, *foot) if text),
    ]
    body = "\n".join(part for part in parts if part)
    title = f"<title>{escape(message.headline)}</title>"
    return (
        f'<!DOCTYPE html>\n<html lang="en-GB">\n<head>{HEAD}\n{title}</head>\n'
        f'<body style="{BODY}">\n<div style="{COLUMN}">\n{body}\n</div>\n</body>\n</html>\n'
    )


def _preview(message: Message) -> str:
    """What a list of mails shows behind the subject: the figures, as the headline is the subject."""
    text = " ".join(part for part in (message.summary, *(line.text for line in message.lines[:1])) if part)
    return f'<div aria-hidden="true" style="{HIDDEN}">{escape(text)}</div>' if text else ""


def _paragraph(inner: str) -> str:
    return f'<p style="{PARAGRAPH}">{inner}</p>' if inner else ""


def _line(line: Line) -> str:
    label = f"<strong>{escape(line.label)}</strong>&ensp;" if line.label else ""
    return label + escape(line.text)


def _picture(message: Message, cid: str) -> str:
    if not cid or message.chart is None:
        return ""
    return f'<img src="cid:{escape(cid)}" alt="{escape(message.chart.alt_text)}" width="640" style="{PICTURE}">'


def _button(message: Message) -> str:
    link = page(message)
    return f'<p style="{PARAGRAPH}"><a href="{escape(link)}" style="{BUTTON}">Open</a></p>' if link else ""
