"""Runs the migrations on the connection that Store.migrate() has opened."""

from __future__ import annotations

from alembic import context

from forecaster.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
