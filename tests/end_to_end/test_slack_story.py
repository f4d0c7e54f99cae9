"""The whole chain: a story in Slack, undisturbed and with every step of it disturbed in every way, is told the same.

Each disturbed step begins where the undisturbed story stood before it, and must end where that stood after it: the same
messages, each once, in one thread, the same changes kept, nothing waiting.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest
from e2e_deadly import DeadlySlack
from e2e_office import Office, Zygote, wait_until
from e2e_story import STEPS, Person, Stage, Step, kept, live_through, localities, prepare, seen, serve, settled

from tests.channels.slack_double import UPLOAD, Dropped, Fault, RateLimited

POST, EDIT = "chat.postMessage", "chat.update"
ADDRESS, SHARE = "files.getUploadURLExternal", "files.completeUploadExternal"
HISTORY, REPLIES = "conversations.history", "conversations.replies"
FORM, NAME, WHISPER = "views.open", "users.info", "chat.postEphemeral"
TOLD = (POST, EDIT, ADDRESS, UPLOAD, SHARE)
NAMES = [step.name for step in STEPS]
ACKNOWLEDGED = STEPS[NAMES.index("acknowledged")]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> list[Stage]:
    """How things stood before the first step of the undisturbed story and after each."""
    folder = tmp_path_factory.mktemp("story")
    office = Office(folder / "office", folder / "home", zygote)
    prepare(office, folder)
    office.forecaster("ingest", office.write("totals.csv", *localities())).done()
    with DeadlySlack() as slack:
        office.environment |= slack.app_secrets
        found = [Stage.of(office, slack, folder / "0")]
        for number, step in enumerate(STEPS, start=1):
            asked = len(slack.requests)
            assert live_through(office, slack, step) == 0
            found.append(Stage.of(office, slack, folder / str(number), asked))
    return found


@pytest.fixture
def before(request: pytest.FixtureRequest, office: Office, stages: list[Stage]) -> Iterator[DeadlySlack]:
    """The Slack of an office that stands before a step, which the test names."""
    with stages[NAMES.index(request.param)].again(office) as slack:
        office.environment |= slack.app_secrets
        yield slack


each_step = pytest.mark.parametrize(
    ("before", "step"), list(zip(NAMES, STEPS, strict=True)), indirect=["before"], ids=NAMES
)


def check_as_undisturbed(office: Office, slack: DeadlySlack, stages: list[Stage], step: Step) -> None:
    after = stages[STEPS.index(step) + 1]
    assert seen(slack) == after.seen
    assert kept(office) == after.kept


# Undisturbed


def test_the_story_takes_three_weeks_to_worsen_and_goes_through_every_change(stages: list[Stage]) -> None:
    (alert,), changes, _ = stages[-1].kept
    assert [
        (now, reason[: len(step.reason)]) for (_, _, now, _, reason, _), step in zip(changes, STEPS, strict=True)
    ] == [(step.state, step.reason) for step in STEPS]
    assert [actor for *_, actor in changes] == ["forecaster"] * 3 + ["Jo Smith", "Sam O'Neill"] + ["forecaster"] * 2
    assert alert["state"] == "resolved" and alert["slice"] == []


def test_it_is_one_thread_whose_first_message_says_how_things_stand(stages: list[Stage]) -> None:
    headlines = []
    for number, stage in enumerate(stages[1:]):
        assert len(stage.seen["first"]) == 1 and len(stage.seen["replies"]) == number
        assert stage.seen["threads"] == 1  # the first picture is below the first message
        headlines.append(stage.seen["first"][0][0])
    assert len(set(headlines)) == len(STEPS)


def test_there_are_buttons_until_it_is_resolved(stages: list[Stage]) -> None:
    buttons = ["actions" in {block["type"] for block in stage.seen["first"][0][1]} for stage in stages[1:]]
    assert buttons == [True] * 6 + [False]


def test_after_the_opening_each_step_edits_the_first_message_and_posts_what_is_new(stages: list[Stage]) -> None:
    assert EDIT not in stages[1].asked
    assert all({POST, EDIT} <= stage.asked for stage in stages[2:])


# Disturbed

ONCE: dict[str, tuple[Fault, ...]] = {
    **dict.fromkeys(TOLD, (RateLimited(0.1), Dropped(processed=False), Dropped(processed=True))),
    **dict.fromkeys((HISTORY, REPLIES, FORM), (RateLimited(0.1), Dropped(processed=False))),
    WHISPER: (Dropped(processed=True),),
}


@each_step
def test_dropped_connections_and_pleas_to_wait_change_nothing(
    office: Office, before: DeadlySlack, stages: list[Stage], step: Step
) -> None:
    for method, faults in ONCE.items():
        before.fail(method, *faults)
    assert live_through(office, before, step) == 0
    check_as_undisturbed(office, before, stages, step)
    tried = {method for method, _ in before.requests}
    assert stages[STEPS.index(step) + 1].asked <= tried
    assert all(len(before.asked(method)) >= 3 for method in tried & set(TOLD))


@each_step
def test_killed_at_every_request_to_slack_and_started_again_it_is_told_the_same(
    office: Office, before: DeadlySlack, stages: list[Stage], step: Step
) -> None:
    for method in (*TOLD, HISTORY, REPLIES, FORM, NAME, WHISPER):
        before.kill_at(method, "asked", "done")
    killed = live_through(office, before, step)
    check_as_undisturbed(office, before, stages, step)
    left = {method for method, _ in before.deaths}
    certain = (stages[STEPS.index(step) + 1].asked - {WHISPER}) & {*TOLD, FORM, NAME}
    assert not left & certain and killed >= 2 * len(certain)


# Looked for, before it is sent again


@pytest.mark.parametrize("processed", [True, False], ids=["that arrived", "that did not"])
@pytest.mark.parametrize(
    ("before", "step", "look_up"),
    [(NAMES[0], STEPS[0], HISTORY), (NAMES[1], STEPS[1], REPLIES)],
    indirect=["before"],
    ids=["in the channel", "in the thread"],
)
def test_a_message_that_may_have_arrived_is_looked_for_by_its_metadata_before_it_is_sent_again(
    office: Office, before: DeadlySlack, stages: list[Stage], step: Step, look_up: str, processed: bool
) -> None:
    before.fail(POST, Dropped(processed))
    live_through(office, before, step)
    talk = [(method, arguments) for method, arguments in before.requests if method in (POST, HISTORY, REPLIES)]
    assert [method for method, _ in talk] == [POST, look_up] + ([] if processed else [POST])
    assert talk[1][1]["include_all_metadata"] in ("1", "true", True)
    names = [json.dumps(arguments["metadata"]) for method, arguments in talk if method == POST]
    assert len(set(names)) == 1  # the same delivery's name both times
    check_as_undisturbed(office, before, stages, step)


# A click that Slack delivers twice


@pytest.mark.parametrize("before", [ACKNOWLEDGED.name], indirect=True)
def test_a_click_that_was_done_but_not_acknowledged_before_a_kill_is_done_once(
    office: Office, before: DeadlySlack, stages: list[Stage]
) -> None:
    """The connection breaks while it is being done, the service is killed, and Slack delivers it again, and again."""
    assert ACKNOWLEDGED.press
    person, people = Person(before, ACKNOWLEDGED.press), before.people
    before.answered = lambda method, arguments: people.socket.drop() if method == NAME else None
    running = serve(office, before, ACKNOWLEDGED.now)
    person.act(running)
    assert person.sent and not person.done
    wait_until(lambda: settled(office, STEPS.index(ACKNOWLEDGED) + 1))
    running.kill()
    wait_until(running.ended)
    before.answered = lambda method, arguments: None
    again = serve(office, before, ACKNOWLEDGED.now)
    assert people.again() == people.again() == {}
    people.whispered(2)  # each is answered
    again.kill(signal.SIGTERM)
    again.said().done()
    check_as_undisturbed(office, before, stages, ACKNOWLEDGED)
