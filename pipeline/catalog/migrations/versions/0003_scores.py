"""Quality scores beside the flags."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the scores of an image; the next dedup fills them."""
    column = sa.Column("scores", sa.String(), nullable=False, server_default="")
    op.add_column("image", column)


def downgrade() -> None:
    """Take them away again."""
    op.drop_column("image", "scores")
