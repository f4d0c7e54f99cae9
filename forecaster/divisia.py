"""Splits a change of a product into its factors, exactly."""
