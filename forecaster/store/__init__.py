"""The store: extracts, runs, alerts and the outbox in SQLite or PostgreSQL."""

from __future__ import annotations

from forecaster.store.alerts import StaleError
from forecaster.store.ingest import IngestSummary
from forecaster.store.runs import Run, RunHeader
from forecaster.store.store import DatabaseError, Store
from forecaster.store.versions import Vintages

__all__ = ["DatabaseError", "IngestSummary", "Run", "RunHeader", "StaleError", "Store", "Vintages"]
