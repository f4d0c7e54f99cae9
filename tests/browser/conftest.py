"""A real browser, and the pages of a store in which an alert was told; without a browser these tests are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from forecaster.routing import Route
from forecaster.settings import load
from forecaster.store import Store
from forecaster.words.render import tell as told_as
from jobs.page import pages
from jobs.telling import ANY_TIME, deliveries, heard, routes_of
from tests.browser.windows import DESK, PATEL
from tests.render.cases import surge
from tests.telling.told import DAY, NOW, opening

CONFIG = '[page]\nlisten = "127.0.0.1:0"\n'
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        opened.migrate()
        yield opened


@pytest.fixture
def address(store: Store, tmp_path: Path) -> Iterator[str]:
    """Where an alert is shown that was told with its chart."""
    file = tmp_path / "forecaster.toml"
    file.write_text(CONFIG)
    settings = load(file, {"SLACK_BOT_TOKEN": "xoxb-1"})
    _tell(store, routes_of(store, settings))
    with pages(store, settings, b"secret", lambda: NOW + DAY) as found:
        yield f"http://{found}/alerts/a1"


def _tell(store: Store, routes: Sequence[Route]) -> None:
    alert, context = surge()
    words = told_as(alert, context)
    alert, step = replace(alert, text=words.whole.text, spoke=NOW), opening(alert)
    said, known = {step.id: words}, heard(store, routes, NOW)
    store.save_transition(alert, step, deliveries([(alert, step)], said, said, routes, known, NOW, ANY_TIME))


@pytest.fixture
def tab(browser: Browser, address: str) -> Iterator[Page]:
    """A browser window of somebody who is signed in; ends the test if the browser has something to complain of.

    It closes before the service that it looks at, or it may miss something that it was about to load.
    """
    context = browser.new_context(viewport=DESK, extra_http_headers=PATEL, locale="en-GB")
    page, complaints = context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert not complaints
