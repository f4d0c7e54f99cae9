"""The pages as one application: a list of alerts, a page of each, and forms that do what Slack's buttons do."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import cache, lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from forecaster import chart
from forecaster.messages import Act, Chart
from forecaster.types import Alert
from forecaster.web import pages
from forecaster.web.board import Board
from forecaster.web.forms import BY_PATH, FORMS, LONGEST, Form, act_of, earliest, mark_of, sent
from forecaster.web.guard import Guarded, Seals, from_here, signed_in
from forecaster.words.wording import clean

HERE = Path(__file__).parent
NARROW = 560  # of a chart on a phone, before it is made to fit
LONGEST_BODY = 16_384  # bytes of a form
LONGEST_TEXT = 10_000  # characters of one piece of text
PLAIN = {
    HTTPStatus.NOT_FOUND: "There is no such page.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address is for a form. Go back to the alert and send the form from there.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong. It was written down; please try again in a minute.",
}


def create_app(
    board: Board, answer: Callable[[Act], str], *, key: bytes, user_header: str, public: str = ""
) -> ASGIApp:
    """Returns the application.

    answer: does what a person asks for, or raises ValueError with one plain line. key: seals the forms; the same after
    a restart. user_header: in which the proxy says who is signed in, "" where nobody ever is. public: the address
    people have; where it has a path, the proxy takes that off.
    """
    site = _Site(board, answer, Seals(key), user_header, public)
    routes = [
        Route("/", site.home),
        Route("/healthz", site.health),
        Route("/alerts", site.alerts),
        Route("/alerts/{id}", site.alert),
        Route("/alerts/{id}/chart.png", site.picture),
        Route("/alerts/{id}/chart.json", site.definition),
        Route("/alerts/{id}/{what}", site.send, methods=["POST"]),
        Route("/static/vega.js", _drawing_library),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    errors = {HTTPException: site.error, Exception: site.failure}
    app = Starlette(routes=routes, exception_handlers=errors)
    app.router.redirect_slashes = False
    return Guarded(app)  # outside of everything: what goes wrong is answered with the headers too


class _Site:
    """The pages of one service."""

    def __init__(self, board: Board, answer: Callable[[Act], str], seals: Seals, user_header: str, public: str) -> None:
        self._board, self._answer, self._seals = board, answer, seals
        self._user_header, self._public = user_header, public
        self._base = urlsplit(public).path
        self._templates = _templates()

    def home(self, request: Request) -> Response:
        return RedirectResponse(f"{self._base}/alerts")

    def health(self, request: Request) -> Response:
        well = self._board.well()
        return PlainTextResponse("ok" if well else "the jobs do not run", 200 if well else 503)

    def alerts(self, request: Request) -> Response:
        found = self._board.alerts()
        recent = pages.resolved_rows(found, self._board.today())
        return self._page(request, "alerts.html", open=pages.open_rows(found), resolved=recent)

    def alert(self, request: Request) -> Response:
        return self._alert(request, self._found(request))

    def _alert(self, request: Request, alert: Alert, form: Form | None = None, problem: str = "",
               given: dict[str, str] | None = None) -> Response:  # fmt: skip
        """The page of an alert; form: the one that was sent and could not be done, with its problem."""
        user, changes = self._user(request), self._board.changes(alert.id)
        return self._page(
            request, "alert.html", HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
            alert=alert, headline=pages.headline(alert), message=self._board.told(alert.id), since=pages.since(alert),
            state=pages.state(alert), holder=pages.holder(alert), history=pages.history(changes),
            done=pages.done(changes, request.query_params.get("done", "")),
            forms=FORMS if user and pages.is_open(alert) else (), token=self._seals.new(user, alert.id),
            answerable=pages.is_open(alert), failed=form, problem=problem, given=given or {}, longest=LONGEST,
            earliest=earliest(self._board.today()),
        )  # fmt: skip

    async def send(self, request: Request) -> Response:
        """Does what a form says; a form sent twice does it once."""
        alert = await run_in_threadpool(self._found, request)
        form, user = BY_PATH.get(request.path_params["what"]), self._user(request)
        if form is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        if not user:
            raise HTTPException(HTTPStatus.FORBIDDEN, "You are not signed in, so you cannot answer here.")
        given = await _form(request)
        if not (from_here(request.headers, self._public) and self._seals.hold(given.get("token", ""), user, alert.id)):
            raise HTTPException(
                HTTPStatus.FORBIDDEN, "This form was not sent from our own page. Open the alert and send it again."
            )
        try:
            await run_in_threadpool(lambda: self._answer(act_of(form, alert.id, user, given)))
        except ValueError as error:
            return await run_in_threadpool(self._alert, request, alert, form, str(error), given)
        mark = mark_of(form, given)
        return RedirectResponse(f"{self._base}/alerts/{quote(alert.id)}?done={mark}", HTTPStatus.SEE_OTHER)

    def picture(self, request: Request) -> Response:
        return Response(_png(self._chart(request)), media_type="image/png")

    def definition(self, request: Request) -> Response:
        """The chart as it is drawn on a page, which stretches it to its place: wide, or with larger letters."""
        if "narrow" not in request.query_params:
            return JSONResponse(chart.vega_lite(self._chart(request)))
        return JSONResponse(chart.vega_lite(self._chart(request), NARROW) | {"height": chart.HEIGHT})

    def _chart(self, request: Request) -> Chart:
        message = self._board.told(self._found(request).id)
        if message is None or message.chart is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return message.chart

    def _found(self, request: Request) -> Alert:
        alert = self._board.alert(request.path_params["id"])
        if alert is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "There is no alert of this name.")
        return alert

    def _user(self, request: Request) -> str:
        return signed_in(request.headers, self._user_header)

    def error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        said = error.detail if error.detail != status.phrase else PLAIN.get(status, status.phrase)
        response = self._page(request, "error.html", status, title=status.phrase, said=said)
        response.headers.update(error.headers or {})
        return response

    def failure(self, request: Request, error: Exception) -> Response:
        """What a person sees of a fault of ours; the server writes it down."""
        return self.error(request, HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR))

    def _page(self, request: Request, template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
        made = self._templates.get_template(template)
        return HTMLResponse(made.render(base=self._base, user=self._user(request), **values), status)


def _templates() -> jinja2.Environment:
    """All that is put into a template is escaped, on one line and without what cannot be seen."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_plain,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return clean(value, LONGEST_TEXT) if isinstance(value, str) and not hasattr(value, "__html__") else value


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form that is not too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise HTTPException(413)
    try:
        return sent(body)
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None


@lru_cache(maxsize=32)
def _png(what: Chart) -> bytes:
    return chart.png(what)


def _drawing_library(request: Request) -> Response:
    """What draws the charts: put together once, as it takes a few seconds, and kept by browsers for a day."""
    headers = {"Cache-Control": "public, max-age=86400", "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(_zipped(), media_type="text/javascript", headers=headers)


@cache
def _zipped() -> bytes:
    return gzip.compress(chart.library().encode(), mtime=0)
