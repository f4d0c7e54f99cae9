"""`neighbours`: any council's figure beside its past, its neighbours and England; nothing stored, nothing needed."""

from __future__ import annotations

from e2e_office import Office

QUESTION = ("neighbours", "E08000030", "repeat_plans", "--as-of", "2016-04-15")


def test_walsalls_figure_of_2016_is_put_where_it_belongs(office: Office) -> None:
    said = office.forecaster(*QUESTION, "--value", "17.2%", "--of", 541).done()
    assert "Walsall: second or subsequent plans, as known on 15 April 2016" in said.out
    assert "2015/16, likely" in said.out
    assert "up on its own past (96% likely) but not clearly above where its neighbours are likely to be" in said.out
    assert not office.database.exists()


def test_a_question_that_cannot_be_answered_is_refused_in_one_line(office: Office) -> None:
    refused = office.forecaster("neighbours", "E08000030", "repeats", "--as-of", "2016-04-15").refused()
    assert refused.startswith("repeats: no figures of this are published")
    refused = office.forecaster(*QUESTION, "--value", "a lot").refused()
    assert refused.startswith("--value: 'a lot' is not a figure; write 17.2%")
