"""Killed with SIGKILL while Slack is asked, and started again: each alert is told once, with one chart."""

from __future__ import annotations

from typing import Any

import pytest
from e2e_council import MONDAY, TOLD, WEEK
from e2e_deadly import MANAGERS_ONLY, DeadlySlack, Moment, check_told_once, kept
from e2e_office import Office

from tests.channels.slack_double import UPLOAD

POST, ADDRESS, SHARE = "chat.postMessage", "files.getUploadURLExternal", "files.completeUploadExternal"
KILLED = -9


@pytest.mark.parametrize("moment", ["asked", "done"])
@pytest.mark.parametrize("method", [POST, ADDRESS, UPLOAD, SHARE])
def test_killed_while_slack_is_asked_the_next_run_tells_the_rest(
    crashing: Office, deadly: DeadlySlack, undisturbed: list[Any], method: str, moment: Moment
) -> None:
    deadly.kill_at(method, moment)
    assert deadly.run(crashing, "run", "--as-of", TOLD).code == KILLED
    again = deadly.run(crashing, "run", "--as-of", TOLD).done()
    assert "nothing new to tell" in again.out
    check_told_once(crashing, deadly)
    assert kept(crashing) == undisturbed


def test_killed_again_and_again_each_run_gets_further(council_office: Office, deadly: DeadlySlack) -> None:
    council_office.configure(MANAGERS_ONLY)
    for method in (POST, POST, SHARE, SHARE):
        before = len(deadly.messages)
        deadly.kill_at(method, "done")
        assert deadly.run(council_office, "run", "--as-of", MONDAY).code == KILLED
        assert len(deadly.messages) > before
    deadly.run(council_office, "run", "--as-of", MONDAY).done()
    assert len(deadly.posts) >= 2
    check_told_once(council_office, deadly)


def test_killed_after_a_message_that_slack_never_took_it_is_sent_and_not_lost(
    crashing: Office, deadly: DeadlySlack
) -> None:
    deadly.kill_at(POST, "asked")
    deadly.run(crashing, "run", "--as-of", TOLD)
    assert deadly.messages == []
    deadly.run(crashing, "run", "--as-of", TOLD).done()
    assert [method for method, _ in deadly.requests[:3]] == [POST, "conversations.history", POST]


def test_another_day_delivers_what_a_crash_left_behind(crashing: Office, deadly: DeadlySlack) -> None:
    deadly.kill_at(SHARE, "asked")
    deadly.run(crashing, "run", "--as-of", TOLD)
    deadly.run(crashing, "run", "--as-of", TOLD + WEEK)
    check_told_once(crashing, deadly)
