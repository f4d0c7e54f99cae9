"""`serve` shows the pages that messages link to, and what people do there is seen where they were told."""

from __future__ import annotations

import json
import re
import signal
import socket
from urllib.parse import urlsplit

from e2e_council import totals
from e2e_deadly import MANAGERS_ONLY
from e2e_office import Office, wait_until

from tests.channels.slack_double import SlackDouble
from tests.web.visitor import Visitor


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_the_link_of_a_message_leads_to_a_page_where_it_is_acknowledged_for_everybody(
    office: Office, slack: SlackDouble
) -> None:
    address = f"127.0.0.1:{free_port()}"
    often = "\n[schedule]\ndeliver_every_seconds = 1\n"
    public = MANAGERS_ONLY.replace("[telling]", f'[telling]\npage = "http://{address}"')
    office.configure(public + often + f'[page]\nlisten = "{address}"\n')
    office.write("var/inbox/totals.csv", *totals(weeks=123))
    running = office.start("serve")
    wait_until(lambda: slack.posts)
    link = re.search(rf"http://{address}/alerts/[a-z0-9-]+", json.dumps(slack.posts[0]))
    assert link, "no link in the message"
    patel, name = Visitor(address), urlsplit(link[0]).path.rpartition("/")[2]
    assert "Waits for an answer" in patel.get(f"/alerts/{name}").words
    done = patel.answers(name, "acknowledge", reason="audit under way")
    assert "Acknowledged by A. Patel: audit under way" in patel.get(done.headers["Location"]).words
    wait_until(lambda: slack.asked("chat.update"))
    assert "Acknowledged by A. Patel" in json.dumps(slack.asked("chat.update")[-1])
    assert patel.get("/healthz").text == "ok"
    running.kill(signal.SIGTERM)
    wait_until(running.ended)
    assert running.code == 0
    assert f"pages on {address}" in running.out.read_text() + running.err.read_text()


def test_an_address_that_is_taken_stops_the_service_with_one_line(office: Office, slack: SlackDouble) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        office.configure(f'{MANAGERS_ONLY}\n[page]\nlisten = "{taken}"\n')
        refusal = office.forecaster("serve").refused()
    assert f'[page] listen: "{taken}" cannot be had, choose another: Address already in use' in refusal
