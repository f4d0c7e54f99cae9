"""Whatever the data says, Slack takes the message and acts upon nothing in it."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.channels._slack_blocks import BUTTONS, CONTEXT, FALLBACK, HEADER, SECTION, blocks, escaped, fallback
from forecaster.messages import Line, Message
from forecaster.words.render import message
from tests.channels.slack_limits import RefusalError, check_blocks, check_view, size, texts
from tests.render import cases

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs",))
NASTY = st.sampled_from(
    [
        "<!channel>",
        "<@U012345>",
        "<#C012345|general>",
        "<https://evil.test|click>",
        "&lt;!here&gt;",
        "@everyone",
        "*bold*",
        " _italic_ ~struck~ `code` ```more```",
        ":bomb:",
        ">>> quoted",
        "\n*Ask*  Is this line ours?",
        "\u202egnp.exe\u2066",
        "No\u200brth\ufeff",
        "東京都",
        "الشمال",
        "👪" * 9,
    ]
)
NAMES = st.lists(st.one_of(NASTY, st.text(LETTERS, max_size=80)), min_size=1, max_size=5).map("".join)
SEVERITIES = st.sampled_from(["low", "medium", "high"])
LONG = st.builds(lambda text, times: text * times, NAMES, st.sampled_from([1, 3, 60]))
MESSAGES = st.builds(
    Message,
    alert_id=st.just("a1"), headline=LONG, severity=SEVERITIES, summary=LONG, evidence=LONG,
    lines=st.lists(st.builds(Line, NAMES, LONG), max_size=60).map(tuple), kind=st.sampled_from(["alert", "change"]),
    answerable=st.booleans(), page=st.sampled_from(["", "https://forecaster.test/alerts/a1"]),
)  # fmt: skip
TWINS = str.maketrans("∗∼＿∶›`", "*~_:>'")


def all_texts(made: list[dict]) -> list[dict]:
    return [text for block in made for text in texts(block)]


def unescaped_control(text: str) -> list[str]:
    """Characters with which Slack's markup could begin or end."""
    return re.findall(r"[<>]|&(?!amp;|lt;|gt;)", text)


def unseen(text: str) -> list[str]:
    """Overrides of direction, zero-width letters and other characters that hide something; a line break does not."""
    return [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf") and letter != "\n"]


def formatting(text: str) -> list[str]:
    """What Slack would show as more than text, our bold beginnings of lines taken off."""
    rest = "\n".join(re.sub(r"^\*[^*]+\*(?=  |$)", "", line) for line in text.split("\n"))
    return re.findall(r"[*~`]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:[^\s:]+:", rest) + re.findall(
        r"(?m)^(?:>|&gt;)", text
    )


@settings(deadline=None, max_examples=60)
@given(MESSAGES)
def test_any_message_keeps_to_slacks_limits_with_its_buttons(made):
    check_blocks(blocks(made, answers=True))
    assert size(fallback(made)) <= FALLBACK


@settings(deadline=None, max_examples=60)
@given(MESSAGES)
def test_nothing_in_a_message_is_a_mention_a_link_an_emoji_or_formatting(made):
    marked = [text["text"] for text in all_texts(blocks(made, answers=True)) if text["type"] == "mrkdwn"]
    for text in [*marked, fallback(made)]:
        assert formatting(text) == []
    for text in [*(text["text"] for text in all_texts(blocks(made))), fallback(made)]:
        assert unescaped_control(text) == []
        assert unseen(text) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("<@U012345>", "&lt;@U012345&gt;"),
        ("<http://evil.test|North>", "&lt;http://evil.test|North&gt;"),
        ("*bold* ~struck~", "∗bold∗ ∼struck∼"),
        ("_italic_ but team_2", "＿italic＿ but team_2"),
        ("```code``` `code`", "'''code''' 'code'"),
        ("a :bomb: at 10:30 in Team 2: 12", "a ∶bomb: at 10:30 in Team 2: 12"),
        (":a:b:", "∶a∶b:"),
        (">quoted > not", "›quoted &gt; not"),
        ("North\n*Ask*  ours?", "North ∗Ask∗ ours?"),
        ("\u202eevil\u2069 No\u200brth", "evil No rth"),
        ("東京都 الشمال", "東京都 الشمال"),
    ],
)
def test_what_slack_would_act_upon_is_shown_as_text(text, shown):
    assert escaped(text, 200) == shown


@given(st.text(LETTERS), st.integers(2, 200))
def test_escaped_text_fits_and_reads_as_before(text, limit):
    safe = escaped(text, limit)
    assert size(safe) <= limit
    if len(safe) < limit and not safe.endswith("…"):
        seen = "".join(letter if letter.isprintable() else " " for letter in text).split()
        assert html.unescape(safe).translate(TWINS).split() == " ".join(seen).translate(TWINS).split()


@pytest.mark.parametrize("limit", range(2, 40))
def test_a_cut_never_falls_inside_an_escape(limit):
    safe = escaped("a<b>&c" * 20, limit)
    assert len(safe) <= limit
    assert unescaped_control(safe) == []
    assert safe.endswith("…")


@pytest.mark.parametrize(
    ("text", "safe"),
    [("North & South", "North &amp; South"), ("<!channel>", "&lt;!channel&gt;"), ("&lt;", "&amp;lt;"), ("", "")],
)
def test_only_the_three_control_characters_are_escaped(text, safe):
    assert escaped(text, 100) == safe


def test_every_text_with_markup_is_taken_verbatim():
    made = blocks(message(*cases.surge()))
    objects = [block["text"] for block in made if "text" in block] + made[-1]["elements"]
    assert [item["verbatim"] for item in objects if item["type"] == "mrkdwn"] == [True, True, True]
    assert [item["emoji"] for item in objects if item["type"] == "plain_text"] == [False]


ALERT = replace(message(*cases.surge()), answerable=True, page="https://forecaster.test/alerts/a1")


def test_an_alert_that_waits_for_an_answer_has_its_buttons_above_the_evidence():
    made = blocks(ALERT, answers=True)
    assert [block["type"] for block in made] == ["header", "section", "section", "actions", "context"]
    buttons = made[3]["elements"]
    assert [button["text"]["text"] for button in buttons] == ["Acknowledge", "Snooze", "Assign", "Not useful", "Open"]
    assert [button.get("value") for button in buttons] == [*[ALERT.alert_id] * 4, None]
    assert [button["action_id"] for button in buttons] == [*BUTTONS, "forecaster_open"]
    assert buttons[4]["url"] == ALERT.page


@pytest.mark.parametrize(
    ("made", "answers", "labels"),
    [
        (ALERT, False, ["Open"]),
        (replace(ALERT, answerable=False), True, ["Open"]),
        (replace(ALERT, page=""), False, []),
        (replace(ALERT, page="javascript:alert(1)"), False, []),
        (replace(ALERT, page="https://x.test/<!channel>"), False, []),
        (replace(ALERT, page="https://x.test/" + "a" * 3000), False, []),
        (replace(ALERT, kind="change"), True, []),
        (replace(ALERT, kind="digest", answerable=False), True, ["Open"]),
    ],
)
def test_no_button_is_shown_that_would_do_nothing(made, answers, labels):
    found = [button["text"]["text"] for block in blocks(made, answers) for button in block.get("elements", ())
             if block["type"] == "actions"]  # fmt: skip
    assert found == labels
    check_blocks(blocks(made, answers))


def test_a_change_is_compact_with_its_headline_in_bold():
    change = Message(
        "a1", "Acknowledged by Jo Smith", "high", "Known *there*.", (Line("Now", "12"),), "", kind="change"
    )
    [section] = blocks(change, answers=True)
    assert section["type"] == "section"
    assert section["text"]["text"] == "*Acknowledged by Jo Smith*\nKnown ∗there∗.\n*Now*  12"


def test_the_fallback_is_the_message_as_text():
    made = Message("a1", "Starts & ends", "low", "> Low.", (Line("What", "12"), Line("Ask", "*Who*?")), "To 7 January.")
    assert fallback(made) == "Starts &amp; ends\n› Low.\nWhat  12\nAsk   ∗Who∗?\nTo 7 January."


def button(**changes) -> dict:
    text = {"type": "plain_text", "text": "Open"}
    return {"type": "button", "action_id": "a", "text": text, "value": "v", **changes}


def actions(*buttons: dict) -> dict:
    return {"type": "actions", "elements": list(buttons)}


@pytest.mark.parametrize(
    "block",
    [
        actions(),
        actions(button(), button()),
        actions(*(button(action_id=f"a{i}") for i in range(26))),
        actions(button(text={"type": "plain_text", "text": "x" * 76})),
        actions(button(text={"type": "mrkdwn", "text": "x"})),
        actions(button(value="v" * 2001)),
        actions(button(url="https://x.test/" + "a" * 3000)),
        actions(button(url="javascript:alert(1)")),
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "section", "text": {"type": "mrkdwn", "text": ""}},
        {"type": "context", "elements": []},
        {"type": "unheard of"},
    ],
)
def test_the_double_refuses_what_slack_would(block):
    with pytest.raises(RefusalError):
        check_blocks([block])


TITLE = {"type": "plain_text", "text": "Snooze"}
INPUT = {"type": "input", "block_id": "reason", "label": TITLE,
         "element": {"type": "plain_text_input", "action_id": "value"}}  # fmt: skip
VIEW = {"type": "modal", "title": TITLE, "submit": TITLE, "blocks": [INPUT]}


@pytest.mark.parametrize(
    "changes",
    [
        {"title": {"type": "plain_text", "text": "x" * 25}},
        {"private_metadata": "x" * 3001},
        {"blocks": [INPUT, INPUT]},
        {"blocks": []},
    ],
)
def test_the_double_refuses_a_form_that_slack_would(changes):
    check_view(VIEW)
    with pytest.raises(RefusalError):
        check_view(VIEW | changes)


def test_a_message_too_large_for_slack_loses_its_last_sections():
    lines = tuple(Line(f"Label {i}", "word " * 550) for i in range(40))
    made = blocks(replace(message(*cases.surge()), lines=lines))
    check_blocks(made)
    assert [block["type"] for block in made] == ["header", *["section"] * 4, "context"]
    assert "*Label 0*" in made[2]["text"]["text"]


def test_a_message_without_summary_or_evidence_has_no_empty_block():
    made = blocks(Message("a1", "Headline", "low", "", (Line("What", "Much"),), ""))
    assert [block["type"] for block in made] == ["header", "section"]
    check_blocks(blocks(Message("a1", "", "low", "", (), "")))


@settings(deadline=None, max_examples=40)
@given(st.lists(NAMES, min_size=40, max_size=40, unique=True), NAMES, st.integers(0, 40))
def test_long_names_in_any_script_stay_within_limits(names, title, observed):
    alert, context = cases.surge()
    excess = alert.total - alert.total_expected
    dimensions = ("team", "locality", "source", "category")
    found = [(f"{dimensions[i % 4]}={name * 3}"[:220], excess / (i + 2), observed) for i, name in enumerate(names)]
    where = (("team", title * 5),)
    made = message(replace(alert, drivers=cases.drivers(excess, *found), slice=where), replace(context, title=title))
    check_blocks(blocks(replace(made, answerable=True), answers=True))
    assert len(made.text) <= 1200
    assert unescaped_control(json.dumps(blocks(made), ensure_ascii=False)) == []
    assert made.chart is not None
    assert len(made.chart.alt_text) <= 1000


def test_the_limits_are_slacks():
    assert (HEADER, SECTION, CONTEXT) == (150, 3000, 2000)
