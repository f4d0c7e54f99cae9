"""Fits kept from run to run, so that what was fitted once is not fitted again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fits",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("used", sa.Date(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
