"""What each of the merchant's people keeps of a list: filters under a name, and columns."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0032"
down_revision = "0031"

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("staff_ref", sa.String(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("columns", JSON, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_saved_views")),
    )
    columns = ["store_id", "staff_ref", "list_name", "position"]
    op.create_index(op.f("ix_saved_views_store_id_staff_ref_list_name_position"), "saved_views", columns)
    if op.get_bind().dialect.name == "postgresql":
        secure("saved_views")


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    op.drop_table("saved_views")
