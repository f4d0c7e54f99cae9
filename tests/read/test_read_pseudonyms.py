"""Identifiers end at the door."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.read.pseudonym import pseudonym
from forecaster.read.values import UnusableError

SECRET = b"a secret for the tests"


@pytest.mark.parametrize("written", [123, 123.0, "123", "123 ", " 123", "123.0", "123.00", "123\xa0"])
def test_a_number_has_one_pseudonym_however_it_was_written(written: object) -> None:
    assert pseudonym(SECRET, "child", written) == pseudonym(SECRET, "child", "123")


@given(st.integers(0, 10**15))
def test_any_number_from_a_workbook_and_from_text_is_the_same_child(number: int) -> None:
    assert pseudonym(SECRET, "child", float(number)) == pseudonym(SECRET, "child", f" {number} ")


@given(st.text(min_size=1).filter(lambda text: text.strip()), st.binary(min_size=1, max_size=100))
def test_a_pseudonym_is_32_digits_and_stays_the_same(identifier: str, secret: bytes) -> None:
    try:
        first = pseudonym(secret, "child", identifier)
    except UnusableError:
        return
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first == pseudonym(secret, "child", identifier)


@given(st.lists(st.integers(0, 10**9).map(str), min_size=2, unique=True))
def test_different_children_have_different_pseudonyms(identifiers: list[str]) -> None:
    assert len({pseudonym(SECRET, "child", identifier) for identifier in identifiers}) == len(identifiers)


def test_another_secret_gives_another_pseudonym_even_when_it_is_long() -> None:
    secrets = [b"one", b"two", b"x" * 64, b"x" * 65, b"x" * 65 + b"y"]
    assert len({pseudonym(secret, "child", "123") for secret in secrets}) == len(secrets)


def test_a_child_and_a_family_of_one_number_differ() -> None:
    assert pseudonym(SECRET, "child", "123") != pseudonym(SECRET, "family", "123")


def test_numbers_that_differ_by_leading_zeros_are_different_children() -> None:
    assert pseudonym(SECRET, "child", "0123") != pseudonym(SECRET, "child", "123")


@pytest.mark.parametrize("blank", [None, "", "  ", "NULL", "nan"])
def test_a_missing_identifier_is_refused(blank: object) -> None:
    with pytest.raises(UnusableError, match="no child id"):
        pseudonym(SECRET, "child", blank)


@pytest.mark.parametrize("damaged", ["1.23457E+11", "1E+15", "1.2e11"])
def test_an_identifier_that_a_spreadsheet_shortened_is_refused_and_not_quoted(damaged: str) -> None:
    # Two children whose numbers begin alike would become one.
    with pytest.raises(UnusableError) as caught:
        pseudonym(SECRET, "child", damaged)
    assert "spreadsheet" in caught.value.reason and damaged not in caught.value.reason
    assert "text" in caught.value.remedy
