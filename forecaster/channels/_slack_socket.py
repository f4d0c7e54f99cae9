"""Socket Mode: what people press and write in Slack, heard over a connection that the service opens itself.

No address of ours need be reachable from outside. Slack wants each envelope acknowledged within three seconds. An act
that is done by then is answered in the form itself, where what is wrong can be put right; a slower one closes the form
and is answered by a line that only the person sees. One act is done at a time, in a thread of its own.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Self

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from forecaster.channels._channel import OnAct
from forecaster.channels._slack_blocks import BUTTONS, escaped
from forecaster.channels._slack_errors import FAILURES, send_error
from forecaster.channels._slack_modals import Payload, Place, act, form, mistakes

PATIENCE = 2.0  # seconds an act may take before its envelope is acknowledged all the same
PING = 5.0  # seconds between looks at the connection
RETRY = 30.0  # seconds until a first connection that failed is tried again
LINE = 300  # characters of an answer
NOT_SAVED = "That could not be saved. Try again in a minute."
NOT_OPENED = "The form did not open. Press the button again."
log = logging.getLogger(__name__)


class Listener:
    """Listens until it is closed; it holds no state but the acts in hand."""

    def __init__(self, web: WebClient, token: str, on_act: OnAct, today: Callable[[], dt.date]):
        self._web, self._on_act, self._today = web, on_act, today
        self._acts = ThreadPoolExecutor(1, "slack-acts")
        self._closing = threading.Event()
        self._socket = SocketModeClient(token, _sdk_log(), web, ping_interval=PING)
        self._socket.socket_mode_request_listeners.append(self._hear)
        threading.Thread(target=self._connect, name="slack-connect", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Returns when what was heard is done and answered and the connection is closed.

        The SDK's threads sleep on its queue and on the connection: something to read ends their wait at once.
        """
        self._closing.set()
        self._socket.closed = True
        self._socket.message_queue.put(None)
        self._socket.message_workers.shutdown()
        self._acts.shutdown()
        self._socket.current_session_state.terminated = True
        if self._socket.current_session:
            self._socket.current_session.check_state()
        self._socket.close()

    def _connect(self) -> None:
        """The SDK makes a lost connection anew, but not one that never was."""
        pause = 0.0
        while not self._closing.wait(pause):
            try:
                self._socket.connect()
                break
            except FAILURES as error:
                log.error("Slack's buttons cannot be heard: %s", _why(error))
                pause = RETRY
        if self._closing.is_set():  # while it connected
            self._socket.disconnect()

    # What comes in

    def _hear(self, _: BaseSocketModeClient, request: SocketModeRequest) -> None:
        payload = request.payload
        try:
            if payload.get("type") == "view_submission" and payload["view"]["callback_id"] in BUTTONS:
                self._submitted(request.envelope_id, payload)
                return
            self._acknowledge(request.envelope_id)
            if payload.get("type") == "block_actions" and payload["actions"][0]["action_id"] in BUTTONS:
                self._pressed(payload)
        except FAILURES as error:  # the connection is gone: Slack delivers again, or tells the person
            log.warning("an answer to Slack did not get through: %s", type(error).__name__)

    def _pressed(self, payload: Payload) -> None:
        try:
            self._web.views_open(trigger_id=payload["trigger_id"], view=form(payload, self._today()))
        except FAILURES as error:
            if _code(error) != "exchanged_trigger_id":  # the same press, delivered twice: its form is open
                log.warning("a form did not open in Slack: %s", send_error(error))
                self._tell(Place.of_press(payload), payload, NOT_OPENED)

    def _submitted(self, envelope: str, payload: Payload) -> None:
        view = payload["view"]
        if wrong := mistakes(view, self._today()):
            self._acknowledge(envelope, wrong)
            return
        doing = self._acts.submit(self._do, payload)
        if wait([doing], PATIENCE).done and doing.exception():
            self._acknowledge(envelope, {"reason": _outcome(doing)})
            return
        self._acknowledge(envelope)
        self._tell(Place.of_form(view), payload, _outcome(doing))

    def _do(self, payload: Payload) -> str:
        return self._on_act(act(payload, self._name))

    def _name(self, user: str, otherwise: str) -> str:
        """The name a person goes by; their handle if the app may not ask (users:read)."""
        try:
            found: dict[str, Any] = self._web.users_info(user=user)["user"]
        except FAILURES:
            return otherwise
        return str(found.get("real_name") or found.get("profile", {}).get("real_name") or otherwise)

    # What goes out

    def _acknowledge(self, envelope: str, wrong: dict[str, str] | None = None) -> None:
        """Closes the form, or shows in it what is wrong: an input's name to a line."""
        answer = {"response_action": "errors", "errors": wrong} if wrong else None
        self._socket.send_socket_mode_response(SocketModeResponse(envelope, answer))

    def _tell(self, place: Place, payload: Payload, line: str) -> None:
        """Only the person sees it."""
        try:
            self._web.chat_postEphemeral(
                channel=place.channel,
                user=payload["user"]["id"],
                text=escaped(line, LINE),
                thread_ts=place.thread or None,
                parse="none",
                link_names=False,
            )
        except FAILURES as error:
            log.warning("a line to a person in Slack did not get through: %s", send_error(error))


def _outcome(doing: Future[str]) -> str:
    """What to tell the person, when it is done; of an error nobody expected the log gets the place, not the words."""
    error = doing.exception()
    if error is None:
        return doing.result()
    if isinstance(error, ValueError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    log.error("an act from Slack failed: %s in %s, line %s", type(error).__name__, frame.filename, frame.lineno)
    return NOT_SAVED


def _code(error: Exception) -> str:
    return str(error.response.get("error")) if isinstance(error, SlackApiError) else ""


def _why(error: Exception) -> str:
    code = _code(error)
    return f"{code}; check SLACK_APP_TOKEN and that Socket Mode is on" if code else str(send_error(error))


def _sdk_log() -> logging.Logger:
    """Only that a connection broke: below a warning the SDK logs whole messages."""
    made = logging.getLogger(f"{__name__}.sdk")
    made.setLevel(logging.WARNING)
    return made
