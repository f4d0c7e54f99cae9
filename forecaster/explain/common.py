"""What every split of a move goes by."""

from __future__ import annotations

COMPARISONS = ("neighbours", "peers", "arrival")  # held against others, or the clock: nothing in the data explains them
BREAKDOWNS = ("team", "locality")  # that splits are told of, from fine to coarse
UNSAID = "not recorded"
