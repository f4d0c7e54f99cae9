"""Where the pages are served, and what is said when they cannot be."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import active_count

import pytest

from forecaster.settings import Settings, SettingsError, load
from forecaster.store import Store
from forecaster.types import Alert
from forecaster.web.app import create_app
from forecaster.web.server import serving
from jobs.page import StoreBoard, pages
from tests.telling.told import NOW
from tests.web.visitor import Visitor


def listening(settings: Settings, listen: str) -> Settings:
    return settings.model_copy(update={"page": settings.page.model_copy(update={"listen": listen})})


def test_without_an_address_there_are_no_pages(store: Store, settings: Settings) -> None:
    before = active_count()
    with pages(store, listening(settings, ""), b"k", lambda: NOW) as address:
        assert (address, active_count()) == ("", before)


def test_an_address_that_is_taken_is_named(store: Store, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(
            SettingsError, match=rf'\[page\] listen: "{taken}" cannot be had, choose another: Address already in use'
        ):
            pages(store, listening(settings, taken), b"k", lambda: NOW).__enter__()


def test_the_pages_end_with_the_service(store: Store, settings: Settings) -> None:
    before = active_count()
    with pages(store, settings, b"k", lambda: NOW) as address:
        assert Visitor(address).get("/alerts").status == 200
    assert active_count() <= before + 1  # the pool of threads may still say goodbye
    with pytest.raises(ConnectionRefusedError):
        Visitor(address).get("/alerts")


def test_two_services_may_follow_each_other_on_one_address(store: Store, settings: Settings) -> None:
    with pages(store, settings, b"k", lambda: NOW) as address:
        Visitor(address).get("/alerts")
    with pages(store, listening(settings, address), b"k", lambda: NOW) as again:
        assert again == address
        assert Visitor(again).get("/alerts").status == 200


def test_without_a_header_that_names_people_nobody_is_signed_in(store: Store) -> None:
    board = StoreBoard(store, lambda: NOW)
    with serving(create_app(board, board.answer, key=b"k", user_header=""), "127.0.0.1:0") as address:
        assert "Not signed in" in Visitor(address).get("/alerts").words


def test_links_and_ways_back_begin_with_the_path_that_people_have(store: Store) -> None:
    board = StoreBoard(store, lambda: NOW)
    public = "https://apps.example.gov.uk/forecaster"
    app = create_app(board, board.answer, key=b"k", user_header="X-Forwarded-User", public=public)
    with serving(app, "127.0.0.1:0") as address:
        patel = Visitor(address)
        assert 'href="/forecaster/static/forecaster.css"' in patel.get("/alerts/A1").text
        assert 'action="/forecaster/alerts/A1/snooze"' in patel.get("/alerts/A1").text
        done = patel.answers("A1", "acknowledge", reason="why")
        assert done.headers["Location"].startswith("/forecaster/alerts/A1?done=")


class Broken(StoreBoard):
    """A board whose store has gone."""

    def alerts(self) -> Sequence[Alert]:
        raise RuntimeError("the password is 12345")


def test_a_fault_is_one_plain_page_with_every_header(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    board = Broken(store, lambda: NOW)
    with serving(create_app(board, board.answer, key=b"k", user_header=""), "127.0.0.1:0") as address:
        page = Visitor(address).get("/alerts")
    assert page.status == 500
    assert "Something went wrong" in page.words
    assert "12345" not in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "Exception in ASGI application" in caplog.text


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('listen = "8000"', 'must be a host and a port such as "127.0.0.1:8000", not "8000"'),
        ('listen = "http://127.0.0.1:8000"', "must be a host and a port"),
        ('user_header = "X User"', 'must be the name of a header such as "X-Forwarded-User"'),
        ("port = 8000", 'unknown key "port"'),
    ],
)
def test_a_wrong_setting_of_the_pages_is_named(tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "forecaster.toml"
    file.write_text(f"[page]\n{line}\n")
    with pytest.raises(SettingsError) as raised:
        load(file, {})
    assert why in str(raised.value)


@pytest.mark.parametrize("listen", ["", "127.0.0.1:8000", "0.0.0.0:8000", "[::1]:8000", "forecaster.internal:80"])
def test_pages_may_be_served_on_any_host_and_port(tmp_path: Path, listen: str) -> None:
    file = tmp_path / "forecaster.toml"
    file.write_text(f'[page]\nlisten = "{listen}"\n')
    assert load(file, {}).page.listen == listen


def test_without_the_extra_it_is_said_what_to_install(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "forecaster.web.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SettingsError, match=r'uvicorn is not installed; pip install "forecaster\[web\]"'):
        pages(store, settings, b"k", lambda: NOW).__enter__()
