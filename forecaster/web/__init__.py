"""The pages: what an alert says, what happened to it, and what a person may do about it."""
