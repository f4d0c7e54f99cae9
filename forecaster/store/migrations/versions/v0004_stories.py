"""Threads belong to stories, changes that are no states, and alerts that tell whether somebody changed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alerts", sa.Column("changes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("transitions", sa.Column("change", sa.Text()))
    op.add_column("deliveries", sa.Column("story", sa.Text()))
    op.execute("UPDATE deliveries SET story = alert_id")
    op.drop_index("deliveries_by_thread", "deliveries")
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("story", existing_type=sa.Text(), nullable=False)
    op.create_index("deliveries_by_thread", "deliveries", ["story", "channel", "address"])
