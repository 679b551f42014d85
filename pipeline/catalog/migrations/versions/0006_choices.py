"""Which image of a group people chose to keep."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the choices."""
    op.create_table(
        "choice",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["image.sha256"], name=op.f("fk_choice_sha256")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_choice")),
    )
    op.create_index("ix_choice_sha256", "choice", ["sha256"], unique=False)


def downgrade() -> None:
    """Take them away again."""
    op.drop_index("ix_choice_sha256", table_name="choice")
    op.drop_table("choice")
