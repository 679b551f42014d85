"""The first schema: candidates, images, groups, the journal, splits and runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "candidate",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
        sa.Column("licence_url", sa.String(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("content_type", sa.String(), nullable=True),
        sa.Column("final_url", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("found_at", sa.String(), nullable=False),
        sa.Column("tried_at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate")),
        sa.UniqueConstraint(
            "category", "origin", name=op.f("uq_candidate_category_origin")
        ),
    )
    op.create_index("ix_candidate_origin", "candidate", ["origin"], unique=False)
    op.create_index(
        "ix_candidate_outcome", "candidate", ["outcome", "id"], unique=False
    )
    op.create_index("ix_candidate_sha256", "candidate", ["sha256"], unique=False)
    op.create_table(
        "page",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("next_url", sa.String(), nullable=True),
        sa.Column("read_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page")),
        sa.UniqueConstraint("category", "url", name=op.f("uq_page_category_url")),
    )
    op.create_table(
        "run",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("finished_at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_run")),
    )
    op.create_table(
        "image",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("extension", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("phash", sa.String(length=16), nullable=True),
        sa.Column("flags", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidate.id"], name=op.f("fk_image_candidate_id")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_image")),
    )
    op.create_table(
        "prediction",
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.name"], name=op.f("fk_prediction_run")),
        sa.PrimaryKeyConstraint("run", "sha256", name=op.f("pk_prediction")),
    )
    op.create_table(
        "run_photo",
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.name"], name=op.f("fk_run_photo_run")),
        sa.PrimaryKeyConstraint("run", "sha256", name=op.f("pk_run_photo")),
    )
    op.create_table(
        "duplicate",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["image.sha256"], name=op.f("fk_duplicate_sha256")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_duplicate")),
    )
    op.create_index("ix_duplicate_group_id", "duplicate", ["group_id"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("old_label", sa.String(), nullable=True),
        sa.Column("old_status", sa.String(), nullable=True),
        sa.Column("new_label", sa.String(), nullable=True),
        sa.Column("new_status", sa.String(), nullable=True),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["image.sha256"], name=op.f("fk_event_sha256")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("client", "seq", name=op.f("uq_event_client_seq")),
    )
    op.create_index("ix_event_sha256", "event", ["sha256", "id"], unique=False)
    op.create_index("ix_event_user", "event", ["user", "id"], unique=False)
    op.create_table(
        "item",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["image.sha256"], name=op.f("fk_item_sha256")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_item")),
    )
    op.create_index("ix_item_status", "item", ["status"], unique=False)
    op.create_table(
        "split",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["image.sha256"], name=op.f("fk_split_sha256")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_split")),
    )
    op.create_index("ix_split_part", "split", ["part"], unique=False)


def downgrade() -> None:
    """Drop every table."""
    op.drop_index("ix_split_part", table_name="split")
    op.drop_table("split")
    op.drop_index("ix_item_status", table_name="item")
    op.drop_table("item")
    op.drop_index("ix_event_user", table_name="event")
    op.drop_index("ix_event_sha256", table_name="event")
    op.drop_table("event")
    op.drop_index("ix_duplicate_group_id", table_name="duplicate")
    op.drop_table("duplicate")
    op.drop_table("run_photo")
    op.drop_table("prediction")
    op.drop_table("image")
    op.drop_table("run")
    op.drop_table("page")
    op.drop_index("ix_candidate_sha256", table_name="candidate")
    op.drop_index("ix_candidate_outcome", table_name="candidate")
    op.drop_index("ix_candidate_origin", table_name="candidate")
    op.drop_table("candidate")
