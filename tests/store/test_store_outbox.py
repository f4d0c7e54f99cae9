"""The outbox: every message once, in order, and never lost without a word."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

import pytest
from store_cases import CONSOLE, DAY, LEASE, RECEIVED, SLACK, chart, delivery, message, run, transition
from store_workers import claim_until_empty, die_holding_a_claim, processes, run_all

from forecaster.messages import Delivery, DeliveryState
from forecaster.store import Store, outbox
from forecaster.store.engine import open_engine, writer

NOW = RECEIVED
MINUTE = dt.timedelta(minutes=1)
OVER = NOW + LEASE


def put(store: Store, *items: Delivery) -> None:
    store.commit_run(run(deliveries=items))


def everyone(_owner: str) -> bool:
    return True


def nobody(_owner: str) -> bool:
    return False


def claim(
    store: Store, now: dt.datetime = NOW, owner: str = "worker 1", alive: Callable[[str], bool] = everyone
) -> list[Delivery]:
    return store.claim(now, owner, LEASE, alive)


def claimed_ids(store: Store, now: dt.datetime = NOW, owner: str = "worker 1") -> list[str]:
    return [item.id for item in claim(store, now, owner)]


def states(store: Store) -> dict[str, DeliveryState]:
    return {item.id: item.state for item in store.deliveries()}


def test_a_claimed_delivery_has_all_that_is_needed_to_send_it(store: Store) -> None:
    put(store, delivery("D1"))
    (item,) = claim(store)
    assert (item.state, item.attempts, item.thread) == ("claimed", 1, "")
    assert (item.target, item.part, item.message) == (SLACK, "text", message("A1", "D1"))
    assert states(store) == {"D1": "claimed"}


def test_it_is_known_when_somebody_was_first_reached(store: Store) -> None:
    put(store, delivery("D1"), chart("D1"), delivery("D2", CONSOLE), delivery("E1", alert_id="A2"))
    assert store.first_sent("A1", NOW) is None
    for name, minutes in (("D2", 3), ("E1", 1), ("D1", 2), ("D1-chart", 1)):
        claim(store)
        store.mark_sent(name, "receipt", NOW + minutes * MINUTE)
    assert [store.first_sent("A1", NOW + n * MINUTE) for n in (0, 2, 3, 4)] == [
        NOW + 2 * MINUTE, NOW + 2 * MINUTE, NOW + 3 * MINUTE, None,
    ]  # fmt: skip


def test_nothing_to_send_is_an_empty_list(store: Store) -> None:
    assert claim(store) == []


def test_what_one_worker_holds_no_other_gets(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    assert claimed_ids(store, owner="worker 2") == []
    assert claimed_ids(store, OVER - MINUTE, "worker 2") == []


def test_what_was_sent_is_not_sent_again(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    store.mark_sent("D1", "1515.1", NOW)
    assert claimed_ids(store, OVER) == []
    (item,) = store.deliveries()
    assert (item.state, item.receipt, item.error) == ("sent", "1515.1", "")


def test_a_worker_that_is_late_leaves_an_ambiguous_delivery(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    (item,) = claim(store, OVER, "worker 2")
    assert (item.id, item.state, item.attempts) == ("D1", "ambiguous", 2)
    assert states(store) == {"D1": "ambiguous"}


def test_a_worker_that_is_gone_leaves_an_ambiguous_delivery_at_once(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    (item,) = claim(store, NOW + MINUTE, "worker 2", nobody)
    assert item.state == "ambiguous"


def test_only_the_deliveries_of_the_worker_that_is_gone_are_taken_over(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2", CONSOLE))
    store.claim(NOW, "worker 1", LEASE, everyone, limit=1)
    store.claim(NOW, "worker 2", LEASE, everyone, limit=1)
    found = claim(store, NOW + MINUTE, "worker 3", lambda owner: owner == "worker 2")
    assert [item.id for item in found] == ["D1"]


def test_a_worker_is_not_asked_whether_it_is_alive_itself(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    assert claim(store, NOW + MINUTE, "worker 1", nobody) == []


def test_an_ambiguous_delivery_is_looked_for_by_one_worker_only(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    assert len(claim(store, OVER, "worker 2")) == 1
    assert claimed_ids(store, OVER, "worker 3") == []
    assert claimed_ids(store, OVER + LEASE, "worker 3") == ["D1"]


def test_an_ambiguous_delivery_that_had_arrived_is_sent(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    claim(store, OVER, "worker 2")
    store.mark_sent("D1", "1515.1", OVER)
    assert states(store) == {"D1": "sent"}


def test_a_delivery_marked_ambiguous_waits_until_it_is_due(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    store.mark_ambiguous("D1", "the connection broke", NOW + MINUTE)
    assert claim(store) == []
    (item,) = claim(store, NOW + MINUTE)
    assert (item.state, item.error) == ("ambiguous", "the connection broke")


def test_an_ambiguous_delivery_that_had_not_arrived_is_pending_again(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    store.mark_ambiguous("D1", "the connection broke", NOW)
    claim(store)
    store.mark_pending("D1", "not there", NOW + MINUTE)
    (item,) = claim(store, NOW + MINUTE)
    assert (item.state, item.attempts) == ("claimed", 3)


def test_a_delivery_to_be_tried_again_waits_until_it_is_due(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    store.mark_pending("D1", "429, try later", NOW + 2 * MINUTE)
    assert claimed_ids(store, NOW + MINUTE) == []
    (waiting,) = store.deliveries(state="pending")
    assert (waiting.due, waiting.error) == (NOW + 2 * MINUTE, "429, try later")
    assert claimed_ids(store, NOW + 2 * MINUTE) == ["D1"]


def test_a_delivery_put_in_for_later_waits_too(store: Store) -> None:
    put(store, delivery("D1", due=NOW + MINUTE))
    assert claimed_ids(store) == []
    assert claimed_ids(store, NOW + MINUTE) == ["D1"]


def test_what_failed_for_good_is_not_tried_again(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    store.mark_failed("D1", "channel_not_found")
    assert claimed_ids(store, OVER) == []
    assert store.deliveries()[0].error == "channel_not_found"


def fail(store: Store, *names: str) -> None:
    """Tries to send everything that is due; those named fail for good."""
    while items := claim(store):
        for item in items:
            if item.id in names:
                store.mark_failed(item.id, "not_in_channel")
            else:
                store.mark_sent(item.id, f"sent {item.id}", NOW)


def test_what_failed_is_tried_again_when_somebody_says_so_and_looked_for_first(store: Store) -> None:
    put(store, delivery("D1"), chart("D1"))
    fail(store, "D1")
    assert store.retry_failed(OVER) == 2
    (item,) = claim(store, OVER)
    assert (item.id, item.state, item.due) == ("D1", "ambiguous", OVER)
    store.mark_sent("D1", "1515.1", OVER)
    assert [(item.id, item.thread) for item in claim(store, OVER)] == [("D1-chart", "1515.1")]


def test_what_failed_may_be_given_up(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2", CONSOLE))
    fail(store, "D1")
    assert store.drop(OVER) == 1 and states(store) == {"D1": "dropped", "D2": "sent"}
    assert store.retry_failed(OVER) == store.drop(OVER) == 0
    assert claimed_ids(store, OVER) == []


def test_what_should_have_been_sent_a_day_ago_is_overdue_and_may_be_given_up_with_its_chart(store: Store) -> None:
    put(store, delivery("D1"), chart("D1"), delivery("D2", CONSOLE, due=NOW + DAY))
    claim(store)
    store.mark_pending("D1", "429, try later", NOW)
    assert store.overdue(NOW + DAY) == []
    [late] = store.overdue(NOW + DAY + MINUTE)
    assert (late.id, late.error) == ("D1", "429, try later")
    assert store.drop(NOW + DAY + MINUTE) == 2
    assert states(store) == {"D1": "dropped", "D1-chart": "dropped", "D2": "pending"}


def test_what_was_tried_for_a_day_is_overdue_though_it_is_to_be_tried_soon(store: Store) -> None:
    put(store, delivery("D1", due=NOW + MINUTE, attempts=149), delivery("D2", CONSOLE, due=NOW + MINUTE, attempts=150))
    assert [item.id for item in store.overdue(NOW)] == ["D2"]
    claim(store, NOW + MINUTE)  # while somebody has it, nobody can give it up
    assert store.overdue(NOW + MINUTE) == [] and store.drop(NOW + MINUTE) == 0


def test_the_next_to_be_due_is_one_that_can_be_claimed_then(store: Store) -> None:
    behind = delivery("D2", due=NOW - MINUTE)  # its story's first text comes before it
    put(store, delivery("D1", due=NOW + 3 * MINUTE), behind, chart("D1"), delivery("D3", CONSOLE))
    assert store.next_due(NOW) == NOW + 3 * MINUTE
    assert store.next_due(NOW + 3 * MINUTE) is None
    assert claimed_ids(store, NOW + 3 * MINUTE) == ["D1", "D3"]
    assert store.next_due(NOW) is None  # somebody has it


def test_a_channel_may_be_left_out(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2", CONSOLE))
    assert [item.id for item in store.claim(NOW, "worker 1", LEASE, everyone, without={"slack"})] == ["D2"]
    assert states(store) == {"D1": "pending", "D2": "claimed"}


def test_a_channel_was_used_once_something_was_put_in_for_it(store: Store) -> None:
    assert store.channels_used() == set()
    put(store, delivery("D1"), delivery("D2"))
    fail(store, "D1", "D2")
    assert store.channels_used() == {"slack"}


def test_old_news_is_not_sent_after_newer(store: Store) -> None:
    put(store, delivery("D1"), chart("D1"))
    fail(store, "D1")
    put(store, delivery("D2"))
    fail(store)
    assert store.retry_failed(OVER) == 0
    assert states(store) == {"D1": "dropped", "D1-chart": "dropped", "D2": "sent"}


def test_what_is_tried_again_joins_the_thread_that_its_story_has_by_now(store: Store) -> None:
    put(store, delivery("D1", story="A1"), delivery("D2", alert_id="A2", story="A1"))
    fail(store, "D1")
    store.retry_failed(OVER)
    assert [(item.id, item.thread) for item in claim(store, OVER)] == [("D1", "sent D2")]


def test_a_text_that_failed_told_nobody(store: Store) -> None:
    opened = transition(None, "opened").id
    put(store, *(replace(delivery(name, to), transition_id=opened) for name, to in (("D1", SLACK), ("D2", CONSOLE))))
    assert [target for target, *_ in store.texts()] == [SLACK, CONSOLE]
    fail(store, "D1")
    assert [target for target, *_ in store.texts()] == [CONSOLE]


@pytest.mark.parametrize("mark", ["pending", "ambiguous", "failed"])
def test_what_was_sent_stays_sent(store: Store, mark: str) -> None:
    put(store, delivery("D1"), chart("D1"))
    claim(store)
    store.mark_sent("D1", "1515.1", NOW)
    remark(store, "D1", mark)
    assert states(store) == {"D1": "sent", "D1-chart": "pending"}
    assert store.deliveries()[0].receipt == "1515.1"


def remark(store: Store, name: str, state: str) -> None:
    if state == "pending":
        store.mark_pending(name, "no", NOW)
    elif state == "ambiguous":
        store.mark_ambiguous(name, "perhaps", NOW)
    else:
        store.mark_failed(name, "never")


def test_a_message_sent_after_its_lease_was_over_is_sent_all_the_same(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    claim(store, OVER, "worker 2")
    store.mark_sent("D1", "1515.1", OVER)
    store.mark_sent("D1", "1515.2", OVER)
    assert store.deliveries()[0].receipt == "1515.1"


def test_a_message_that_arrived_after_all_is_sent_even_if_it_was_given_back(store: Store) -> None:
    put(store, delivery("D1"))
    claim(store)
    claim(store, OVER, "worker 2")
    store.mark_pending("D1", "not there", OVER)
    store.mark_sent("D1", "1515.1", OVER)
    assert claimed_ids(store, OVER) == []


def test_marking_what_is_not_there_changes_nothing(store: Store) -> None:
    for state in ("pending", "ambiguous", "failed"):
        remark(store, "D9", state)
    store.mark_sent("D9", "1515.1", NOW)
    assert store.deliveries() == []


def test_a_chart_waits_for_its_text(store: Store) -> None:
    put(store, delivery("D1"), chart("D1"))
    assert claimed_ids(store) == ["D1"]
    store.mark_sent("D1", "1515.1", NOW)
    (item,) = claim(store)
    assert (item.id, item.part, item.thread) == ("D1-chart", "chart", "1515.1")


def test_a_chart_whose_text_failed_for_good_fails_too(store: Store) -> None:
    put(store, delivery("D1"), chart("D1"), delivery("D2", CONSOLE), chart("D2", CONSOLE))
    claim(store)
    store.mark_failed("D1", "channel_not_found")
    assert states(store) == {"D1": "failed", "D2": "claimed", "D1-chart": "failed", "D2-chart": "pending"}
    failed = {item.id: item.error for item in store.deliveries(state="failed")}
    assert failed["D1-chart"] == "its text failed: channel_not_found"


def test_a_chart_that_fails_leaves_its_text_as_it_is(store: Store) -> None:
    put(store, delivery("D1"), chart("D1"))
    claim(store)
    store.mark_sent("D1", "1515.1", NOW)
    claim(store)
    store.mark_failed("D1-chart", "too large")
    assert states(store) == {"D1": "sent", "D1-chart": "failed"}


def test_texts_of_an_alert_to_a_target_go_one_after_the_other(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2"), delivery("D3"))
    order = []
    while found := claim(store):
        assert len(found) == 1
        order.append(found[0].id)
        store.mark_sent(found[0].id, f"receipt of {found[0].id}", NOW)
    assert order == ["D1", "D2", "D3"]


def test_a_later_text_does_not_overtake_one_that_waits(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2"))
    claim(store)
    store.mark_pending("D1", "429", NOW + 2 * MINUTE)
    assert claimed_ids(store, NOW + MINUTE) == []


def test_a_later_text_does_not_overtake_one_that_may_have_been_sent(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2"))
    claim(store)
    store.mark_ambiguous("D1", "the connection broke", NOW + 2 * MINUTE)
    assert claimed_ids(store, NOW + MINUTE) == []


def test_a_text_that_failed_for_good_does_not_hold_up_the_next(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2"))
    claim(store)
    store.mark_failed("D1", "too long")
    (item,) = claim(store)
    assert (item.id, item.thread) == ("D2", "")


def test_other_targets_and_other_alerts_do_not_wait(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2", CONSOLE), delivery("D3", alert_id="A2"), delivery("D4"))
    assert claimed_ids(store) == ["D1", "D2", "D3"]


def test_a_text_does_not_wait_for_the_chart_of_the_one_before(store: Store) -> None:
    put(store, delivery("D1"), chart("D1"), delivery("D2"))
    claim(store)
    store.mark_sent("D1", "1515.1", NOW)
    assert set(claimed_ids(store)) == {"D1-chart", "D2"}


def test_all_later_texts_go_below_the_first_one_sent(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2"), chart("D2"), delivery("D3"))
    for name in ("D1", "D2", "D2-chart", "D3"):
        claim(store)
        store.mark_sent(name, f"receipt of {name}", NOW)
    threads = {item.id: item.thread for item in store.deliveries()}
    assert threads == dict.fromkeys(("D2", "D2-chart", "D3"), "receipt of D1") | {"D1": ""}


def test_each_target_and_each_alert_has_a_thread_of_its_own(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2", CONSOLE), delivery("D3", alert_id="A2"))
    claim(store)
    store.mark_sent("D1", "1515.1", NOW)
    assert {item.id: item.thread for item in store.deliveries()} == {"D1": "", "D2": "", "D3": ""}


def test_alerts_of_one_story_share_a_thread(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2", alert_id="A2", story="A1"), delivery("D3", alert_id="A2", story="A1"))
    for name in ("D1", "D2", "D3"):
        assert claimed_ids(store) == [name]
        store.mark_sent(name, f"receipt of {name}", NOW)
    assert {item.id: item.thread for item in store.deliveries()} == {"D1": ""} | dict.fromkeys(
        ("D2", "D3"), "receipt of D1"
    )


def test_an_edit_replaces_the_first_text_of_its_own_alert(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2", alert_id="A2", story="A1"))
    put(store, delivery("E1", part="edit"), delivery("E2", alert_id="A2", story="A1", part="edit"))
    for name in ("D1", "D2", "E1", "E2"):
        assert claimed_ids(store) == [name]
        store.mark_sent(name, f"receipt of {name}", NOW)
    edits = {item.id: item.edits for item in store.deliveries() if item.part == "edit"}
    assert edits == {"E1": "receipt of D1", "E2": "receipt of D2"}


def test_an_edit_waits_for_the_texts_before_it_and_holds_up_those_behind(store: Store) -> None:
    put(store, delivery("D1"), delivery("E1", part="edit"), delivery("D2"), chart("D2"))
    assert claimed_ids(store) == ["D1"]
    store.mark_sent("D1", "1515.1", NOW)
    assert claimed_ids(store) == ["E1"]
    store.mark_failed("E1", "the message is gone")
    assert claimed_ids(store) == ["D2"]


def test_no_more_than_the_limit_is_claimed_at_once(store: Store) -> None:
    put(store, *(delivery(f"D{i}", alert_id=f"A{i}") for i in range(5)))
    assert [item.id for item in store.claim(NOW, "worker 1", LEASE, everyone, limit=2)] == ["D0", "D1"]
    assert [item.id for item in store.claim(NOW, "worker 2", LEASE, everyone, limit=9)] == ["D2", "D3", "D4"]


def test_deliveries_can_be_asked_for_by_alert_and_state(store: Store) -> None:
    put(store, delivery("D1"), delivery("D2"), delivery("D3", alert_id="A2"))
    claim(store)
    assert [item.id for item in store.deliveries("A1")] == ["D1", "D2"]
    assert [item.id for item in store.deliveries(state="claimed")] == ["D1", "D3"]
    assert [item.id for item in store.deliveries("A1", "pending")] == ["D2"]


def test_a_digest_belongs_to_no_alert(store: Store) -> None:
    store.commit_run(run(alerts=(), transitions=(), deliveries=(delivery("digest-2018-01-08", alert_id=""),)))
    assert claimed_ids(store) == ["digest-2018-01-08"]


def test_two_workers_share_the_work_and_send_nothing_twice(store: Store, store_url: str) -> None:
    items = [delivery(f"D{alert}-{i}", alert_id=f"A{alert}") for alert in range(6) for i in range(4)]
    put(store, *items)
    ready, taken = processes().Barrier(2), processes().Queue()
    arguments = [(store_url, owner, NOW, ready, taken) for owner in ("worker 1", "worker 2")]
    assert run_all(claim_until_empty, *arguments) == [0, 0]
    mine, yours = taken.get(), taken.get()
    assert not set(mine) & set(yours)
    assert sorted(mine + yours + drain(store)) == sorted(item.id for item in items)
    assert {item.attempts for item in store.deliveries()} == {1}


def drain(store: Store) -> list[str]:
    """What two workers leave when each sees nothing to do while the other still sends."""
    found: list[str] = []
    while items := claim(store):
        for item in items:
            store.mark_sent(item.id, "later", NOW)
            found.append(item.id)
    return found


@pytest.mark.parametrize("late", [0, 1, 2])
def test_a_worker_that_saw_the_row_but_came_second_gets_nothing(store: Store, store_url: str, late: int) -> None:
    put(store, delivery("D1"))
    for earlier in range(late):
        claim(store, NOW + earlier * LEASE, f"late worker {earlier}")
    now = NOW + late * LEASE
    engine = open_engine(store_url)
    with ThreadPoolExecutor(1) as pool:
        with writer(engine).begin() as connection:
            first = outbox.claim(connection, now, "worker 1", LEASE, everyone, 20)
            second = pool.submit(claim, store, now, "worker 2")
            wait([second], timeout=0.3)  # it has read the row, and waits for the one who writes it
        assert second.result(30) == []
    engine.dispose()
    assert [item.id for item in first] == ["D1"]


def test_a_worker_killed_between_claim_and_mark_leaves_nothing_behind_in_silence(store: Store, store_url: str) -> None:
    put(store, delivery("D1"), delivery("D2"), delivery("D3", CONSOLE))
    assert run_all(die_holding_a_claim, (store_url, NOW)) == [-9]
    assert states(store) == {"D1": "claimed", "D2": "pending", "D3": "claimed"}
    found = claim(store, NOW + MINUTE, "worker 2", nobody)
    assert {item.id: item.state for item in found} == {"D1": "ambiguous", "D3": "ambiguous"}


def test_a_worker_killed_after_claiming_what_was_ambiguous_leaves_it_so(store: Store, store_url: str) -> None:
    put(store, delivery("D1"))
    claim(store)
    assert run_all(die_holding_a_claim, (store_url, OVER)) == [-9]
    (item,) = claim(store, OVER + LEASE, "worker 3")
    assert (item.state, item.attempts) == ("ambiguous", 3)
