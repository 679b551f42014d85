"""Labeling: more of each event, leases, preferences, changes that are no events."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is known of an event, and who is at which photo."""
    op.add_column("event", sa.Column("batch", sa.Integer(), nullable=True))
    op.add_column("event", sa.Column("shown_ms", sa.Integer(), nullable=True))
    note = sa.Column("note", sa.String(), nullable=False, server_default="")
    op.add_column("event", note)
    op.create_index("ix_event_action", "event", ["action", "id"], unique=False)
    op.create_index(
        "ix_event_undoes",
        "event",
        ["undoes"],
        unique=False,
        sqlite_where=sa.text("undoes IS NOT NULL"),
        postgresql_where=sa.text("undoes IS NOT NULL"),
    )
    op.create_table(
        "change",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", "sha256", name=op.f("pk_change")),
    )
    op.create_table(
        "lease",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["image.sha256"], name=op.f("fk_lease_sha256")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_lease")),
    )
    op.create_index("ix_lease_client", "lease", ["client"], unique=False)
    op.create_index("ix_lease_until", "lease", ["until"], unique=False)
    op.create_table(
        "preference",
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("wishes", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_preference")),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("preference")
    op.drop_index("ix_lease_until", table_name="lease")
    op.drop_index("ix_lease_client", table_name="lease")
    op.drop_table("lease")
    op.drop_table("change")
    op.drop_index("ix_event_undoes", table_name="event")
    op.drop_index("ix_event_action", table_name="event")
    for name in ("note", "shown_ms", "batch"):
        op.drop_column("event", name)
