"""Works, attribution, official parts, and what was taken down."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXTS = ("work", "author_url", "licence_version", "attribution")


def upgrade() -> None:
    """Add what is known of a work, and the list of the forgotten."""
    for name in TEXTS:
        column = sa.Column(name, sa.String(), nullable=False, server_default="")
        op.add_column("candidate", column)
    op.add_column("candidate", sa.Column("part", sa.String(), nullable=True))
    op.create_index("ix_candidate_work", "candidate", ["work"], unique=False)
    op.create_table(
        "forgotten",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgotten")),
        sa.UniqueConstraint("kind", "value", name=op.f("uq_forgotten_kind_value")),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("forgotten")
    op.drop_index("ix_candidate_work", table_name="candidate")
    for name in ("part", *reversed(TEXTS)):
        op.drop_column("candidate", name)
