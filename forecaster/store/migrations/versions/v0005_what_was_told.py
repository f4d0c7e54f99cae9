"""Alerts of before revision 0004 remember when they spoke and what excess they told, as far as that is known."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from forecaster.store.schema import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ALERTS = sa.table("alerts", sa.column("id", sa.Text()), sa.column("body", sa.Text()))
TRANSITIONS = sa.table("transitions", sa.column("alert_id", sa.Text()), sa.column("at", Moment()))


def upgrade() -> None:
    """Without these one that is held never worsens, and one that waits is never escalated."""
    connection = op.get_bind()
    newest = sa.select(TRANSITIONS.c.alert_id, sa.func.max(TRANSITIONS.c.at)).group_by(TRANSITIONS.c.alert_id)
    spoke = {alert_id: at.isoformat() for alert_id, at in connection.execute(newest)}
    for alert_id, body in connection.execute(sa.select(ALERTS.c.id, ALERTS.c.body)).all():
        alert = json.loads(body)
        if alert_id in spoke and not alert.get("spoke"):
            alert |= {"spoke": spoke[alert_id], "told_excess": alert["total"] - alert["total_expected"]}
            connection.execute(ALERTS.update().where(ALERTS.c.id == alert_id).values(body=json.dumps(alert)))
