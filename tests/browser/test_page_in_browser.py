"""The page of an alert as a browser shows it, and as somebody without a mouse or a script uses it."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from forecaster.store import Store
from tests.browser.windows import DESK, PATEL, PHONE

DRAWN = "#chart svg"


def test_an_alert_is_looked_at_and_acknowledged_with_the_keyboard_alone(tab: Page, address: str, store: Store) -> None:
    tab.goto(address)
    expect(tab.get_by_role("heading", level=1)).to_contain_text("Child protection plan starts are surging")
    expect(tab.locator(DRAWN)).to_be_visible(timeout=30_000)
    expect(tab.locator("#picture")).to_be_hidden()
    focus(tab, "acknowledge-reason")
    tab.keyboard.type("audit under way")
    tab.keyboard.press("Enter")
    banner = tab.get_by_role("alert")
    expect(banner).to_have_text("Acknowledged by A. Patel: audit under way")
    expect(banner).to_be_focused()
    found = store.alert("a1")
    assert found is not None
    assert (found.state, found.held_by) == ("acknowledged", "A. Patel")
    tab.reload()
    assert len(store.transitions("a1")) == 2


def focus(tab: Page, name: str) -> None:
    """Presses Tab until a field is reached, in the order in which they stand on the page."""
    reached: list[str] = []
    while not reached or reached[-1] != name:
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.id || document.activeElement.className"))
        assert len(reached) < 12, reached
    assert reached[0] == "skip"


def test_a_point_of_the_chart_says_its_date_and_its_number(tab: Page, address: str) -> None:
    tab.goto(address)
    expect(tab.locator(DRAWN)).to_be_visible(timeout=30_000)
    tab.locator(f'{DRAWN} path[aria-roledescription="point"]').last.hover(force=True)
    expect(tab.locator("#vg-tooltip-element.visible")).to_contain_text("8 January 2018")


def test_on_a_phone_nothing_has_to_be_pushed_sideways(tab: Page, address: str) -> None:
    tab.set_viewport_size(PHONE)
    tab.goto(address)
    expect(tab.locator(DRAWN)).to_be_visible(timeout=30_000)
    for name in ("Snooze", "Assign", "Not useful"):
        tab.locator("summary", has_text=name).click()
    assert tab.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert tab.locator(DRAWN).bounding_box()["width"] <= PHONE["width"]  # type: ignore[index]


def test_without_a_script_the_picture_is_there_and_the_forms_work(browser: Browser, address: str, store: Store) -> None:
    context = browser.new_context(viewport=DESK, extra_http_headers=PATEL, java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address)
    expect(tab.locator("#picture")).to_be_visible()
    assert tab.locator("#picture").evaluate("picture => picture.naturalWidth") == 1800
    tab.get_by_text("Snooze", exact=True).first.click()
    tab.get_by_label("Until").fill("2018-02-05")
    tab.locator("#snooze-reason").fill("known cause")
    tab.get_by_role("button", name="Snooze").click()
    expect(tab.get_by_role("alert")).to_have_text("Snoozed by A. Patel: known cause (until 2018-02-05)")
    context.close()
    found = store.alert("a1")
    assert found is not None
    assert found.state == "snoozed"
