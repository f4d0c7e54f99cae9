"""What went wrong with Slack, as a SendError: can trying again help, and may it have arrived?"""

from __future__ import annotations

import re
import socket
import ssl
from http.client import HTTPException
from urllib.error import HTTPError, URLError

from slack_sdk.errors import SlackApiError, SlackClientError, SlackRequestError

from forecaster.messages import SendError

# All that the SDK and the urllib below it raise when a request fails.
FAILURES = (SlackClientError, OSError, HTTPException)

REMEDIES = {
    "channel_not_found": "check the channel id in the config, and invite the app to the channel if it is private",
    "not_in_channel": "invite the app to the channel",
    "is_archived": "choose another channel, this one is archived",
    "restricted_action": "ask a Slack administrator to let the app post there",
    "invalid_auth": "check SLACK_BOT_TOKEN",
    "not_authed": "set SLACK_BOT_TOKEN",
    "token_revoked": "install the app again and set the new SLACK_BOT_TOKEN",
    "token_expired": "install the app again and set the new SLACK_BOT_TOKEN",
    "account_inactive": "install the app again and set the new SLACK_BOT_TOKEN",
    "message_not_found": "it was deleted in Slack; what is new still arrives in the channel",
    "cant_update_message": "another app or an earlier installation wrote it; what is new still arrives in its thread",
    "edit_window_closed": "let apps edit their messages at any time in the workspace's settings",
    "missing_scope": "give the app chat:write, files:write, channels:history and groups:history, and install it again",
}
LATER = {"ratelimited", "rate_limited", "message_limit_exceeded", "request_timeout", "team_added_to_org"}
UNSURE = {"internal_error", "fatal_error", "service_unavailable"}  # Slack: part of it may have succeeded
NOT_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)


def send_error(error: Exception) -> SendError:
    """Returns a failure of the Slack SDK, or of the network below it, as the SendError that says what to do."""
    if isinstance(error, SlackApiError):
        return _refused(error)
    if isinstance(error, HTTPError):  # only the upload of a file's bytes raises it: nothing was posted yet
        return SendError(f"Slack did not take the file ({error.code})", permanent=400 <= error.code < 429)
    if isinstance(error, SlackRequestError):
        return SendError(f"Slack could not be asked: {error}")
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, NOT_SENT):
        return SendError(f"Slack cannot be reached ({cause}); check the network and SLACK_API_URL", down=True)
    return SendError(f"the connection to Slack broke: {cause or type(error).__name__}", ambiguous=True, down=True)


def _refused(error: SlackApiError) -> SendError:
    """Slack answered, but not with a yes."""
    status, code = error.response.status_code, str(error.response.get("error") or "")
    posts = not error.response.api_url.endswith("files.getUploadURLExternal")
    if status == 429:
        return SendError("Slack asks to wait", retry_after=_seconds(error.response.headers), down=True)
    if status >= 500 or code in UNSURE or not re.fullmatch(r"[a-z0-9_]+", code):
        odd = code if code in UNSURE else f"an answer that is no answer ({status})"
        if 400 <= status < 500:
            return SendError(f"Slack's address answered {status}; check SLACK_API_URL", permanent=True)
        return SendError(f"Slack had trouble: {odd}", ambiguous=posts)
    if code in LATER:
        return SendError(f"Slack asks to try later: {code}")
    return SendError(
        f"Slack refused: {code}; {REMEDIES.get(code, 'see the list of errors of its API')}", permanent=True
    )


def _seconds(headers: object) -> float | None:
    """The Retry-After header, whatever its case."""
    found = {str(name).lower(): value for name, value in dict(headers).items()}.get("retry-after")  # type: ignore[call-overload]
    try:
        return max(float(str(found)), 0.0)
    except ValueError:
        return None
