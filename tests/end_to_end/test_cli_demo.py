"""`demo`: a council with planted stories, replayed and scored."""

from __future__ import annotations

import re

from e2e_office import Office

from forecaster.simulate import planted
from jobs import demo


def test_a_short_demo_ends_with_the_table_and_a_verdict_and_keeps_to_its_own_folder(office: Office) -> None:
    said = office.forecaster("demo", "--weeks", 3, COLUMNS="200")
    assert said.err == ""
    last = said.out.splitlines()[-1]
    verdict = re.match(r"Planted stories found: (\d) of 4\. Decoys alerted: (\d)\b.* False alerts: \d+", last)
    assert verdict
    assert said.code == (0 if verdict.groups() == ("4", "0") else 1)
    table = said.out[said.out.index("what was planted and what was found") :]
    assert all(word in table for word in demo.COLUMNS)
    assert all(story.name in table for story in planted(demo.START))
    assert {path.name for path in (office.folder / "var").iterdir()} == {"demo"}
