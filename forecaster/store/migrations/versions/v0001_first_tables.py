"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIMENSIONS = ("team", "locality", "source", "category", "age_band", "gender", "ethnicity")


def upgrade() -> None:
    _received()
    _runs()
    _alerts()
    _outbox()
    _published()


def _text(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, primary_key=primary_key)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _whole(name: str, *, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, primary_key=primary_key)


def _day(name: str, *, primary_key: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Date(), nullable=False, primary_key=primary_key)


def _received() -> None:
    op.create_table(
        "extracts",
        _whole("id", primary_key=True),
        *(_text(name) for name in ("source", "name", "digest", "kind")),
        _moment("received"),
        *(_whole(name) for name in ("rows", "new", "corrected", "rejected")),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "events",
        _text("child", primary_key=True),
        _day("date", primary_key=True),
        _text("event", primary_key=True),
        sa.Column("extract_id", sa.Integer(), sa.ForeignKey("extracts.id"), primary_key=True),
        _moment("known_at"),
        sa.Column("recorded", sa.Date()),
        *(sa.Column(name, sa.Text()) for name in ("family", *DIMENSIONS, "outcome")),
        sa.Column("previous_plans", sa.Integer()),
        sa.Column("previous_plan_end", sa.Date()),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "totals",
        *(_text(name, primary_key=True) for name in ("measure", "slice", "step")),
        _day("period", primary_key=True),
        sa.Column("extract_id", sa.Integer(), sa.ForeignKey("extracts.id"), primary_key=True),
        _moment("known_at"),
        *(sa.Column(name, sa.Float(precision=53)) for name in ("count", "of")),
        sqlite_with_rowid=False,
    )


def _runs() -> None:
    op.create_table(
        "runs",
        _text("id", primary_key=True),
        *(_day(name) for name in ("as_of", "period")),
        _text("step"),
        _moment("started"),
        _text("config_hash"),
    )
    for name in ("panel_vintages", "forecasts"):
        op.create_table(
            name,
            sa.Column("run_id", sa.Text(), sa.ForeignKey("runs.id"), primary_key=True),
            sa.Column("body", sa.LargeBinary(), nullable=False),
        )
    op.create_table(
        "signals",
        sa.Column("run_id", sa.Text(), sa.ForeignKey("runs.id"), primary_key=True),
        _whole("position", primary_key=True),
        sa.Column("ran", sa.Boolean(), nullable=False),
        *(_text(name) for name in ("measure", "detector", "body")),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        _text("id", primary_key=True),
        *(_text(name) for name in ("measure", "state")),
        *(_day(name) for name in ("opened", "updated")),
        _text("body"),
    )
    op.create_table(
        "transitions",
        _whole("position", primary_key=True),
        _text("id"),
        sa.Column("alert_id", sa.Text(), sa.ForeignKey("alerts.id"), nullable=False),
        _moment("at"),
        sa.Column("was", sa.Text()),
        *(_text(name) for name in ("now", "reason", "actor")),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_transitions_alert_id", "transitions", ["alert_id"])


def _outbox() -> None:
    op.create_table(
        "deliveries",
        _whole("position", primary_key=True),
        *(_text(name) for name in ("id", "alert_id", "transition_id", "channel", "address", "part", "message")),
        *(_text(name) for name in ("state", "after")),
        _whole("attempts"),
        *(_text(name) for name in ("receipt", "error")),
        _moment("due", nullable=True),
        sa.Column("owner", sa.Text()),
        *(_moment(name, nullable=True) for name in ("lease_until", "sent_at")),
        sa.UniqueConstraint("id"),
    )
    op.create_index("deliveries_by_thread", "deliveries", ["alert_id", "channel", "address"])
    op.create_index("deliveries_by_state", "deliveries", ["state"])


def _published() -> None:
    op.create_table("benchmarks", _text("measure", primary_key=True), _whole("year", primary_key=True), _text("body"))
    op.create_table("heartbeats", _text("name", primary_key=True), _moment("at"))
