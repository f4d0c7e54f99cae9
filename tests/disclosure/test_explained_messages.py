"""Messages whose drivers the service found in events: slices, pairs and families give no hidden count away either."""

from __future__ import annotations

import pytest

from tests.disclosure.explained import explained

SEEDS = 32  # of two messages each


@pytest.mark.parametrize("part", range(4))
def test_no_hidden_count_is_recovered_from_what_explains_a_move(part):
    made = {seed: explained(seed) for seed in range(part, SEEDS, 4)}
    assert {seed: found for seed, one in made.items() if (found := one.recovered())} == {}
    assert any(
        line.label in ("Where", "From", "Who")
        for one in made.values()
        for told in one.told
        for line in told.whole.lines
    )
