"""Replies to reviews; a review knows when it was answered."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

UTC_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("reviews", sa.Column("answered_at", UTC_TIME, nullable=True))
    # What a platform showed as answered is; the last change of the review is the nearest day that is known for all.
    op.execute("update reviews set answered_at = updated_at where cast(replies as varchar) <> '[]'")
    op.create_index(op.f("ix_reviews_store_id_product_ref"), "reviews", ["store_id", "product_ref"], unique=False)
    op.create_index(
        "ix_reviews_unanswered",
        "reviews",
        ["store_id", "rating", "posted_at"],
        unique=False,
        sqlite_where=sa.text("answered_at is null"),
        postgresql_where=sa.text("answered_at is null"),
    )
    create_replies()
    if op.get_bind().dialect.name == "postgresql":
        secure("replies")


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    op.drop_table("replies")
    op.drop_index("ix_reviews_unanswered", table_name="reviews")
    op.drop_index(op.f("ix_reviews_store_id_product_ref"), table_name="reviews")
    op.drop_column("reviews", "answered_at")


def create_replies() -> None:
    op.create_table(
        "replies",
        sa.Column("review_id", sa.BigInteger(), nullable=False),
        sa.Column("intent", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("public_text", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", UTC_TIME, nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("asked_at", UTC_TIME, nullable=True),
        sa.Column("published_at", UTC_TIME, nullable=True),
        sa.Column("edited_at", UTC_TIME, nullable=True),
        sa.Column("removed_at", UTC_TIME, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_replies")),
        sa.UniqueConstraint("store_id", "intent", name=op.f("uq_replies_store_id_intent")),
        sa.UniqueConstraint("store_id", "key", name=op.f("uq_replies_store_id_key")),
    )
    op.create_index(op.f("ix_replies_store_id_review_id"), "replies", ["store_id", "review_id"], unique=False)
    op.create_index(
        "ix_replies_stuck",
        "replies",
        ["store_id"],
        unique=False,
        sqlite_where=sa.text("state = 'stuck'"),
        postgresql_where=sa.text("state = 'stuck'"),
    )
