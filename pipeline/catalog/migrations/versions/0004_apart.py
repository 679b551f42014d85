"""What people said is not the same."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the pairs of images that are kept apart."""
    op.create_table(
        "apart",
        sa.Column("first", sa.String(length=64), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["first"], ["image.sha256"], name=op.f("fk_apart_first")
        ),
        sa.ForeignKeyConstraint(
            ["second"], ["image.sha256"], name=op.f("fk_apart_second")
        ),
        sa.PrimaryKeyConstraint("first", "second", name=op.f("pk_apart")),
    )
    op.create_index("ix_apart_second", "apart", ["second"], unique=False)


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_apart_second", table_name="apart")
    op.drop_table("apart")
