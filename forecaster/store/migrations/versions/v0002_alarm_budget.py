"""What a run's alarm budget allowed: the limit of its series, and the false alerts a year it stands for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("alpha", "false_alerts"):
        op.add_column("runs", sa.Column(name, sa.Float()))
