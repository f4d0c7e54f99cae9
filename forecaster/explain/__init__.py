"""What a move is made of: where it is, which stage or stock it comes from, who it is."""

from forecaster.explain.ranking import drivers

__all__ = ["drivers"]
