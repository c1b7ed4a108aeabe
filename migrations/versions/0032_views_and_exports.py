"""What the merchant's people keep of a list: filters under a name, columns, and exports for a day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0032"
down_revision = "0031"

UTC_TIME = sa.DateTime(timezone=True)
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
    create_exports()
    if op.get_bind().dialect.name == "postgresql":
        for table in ("saved_views", "list_exports", "list_export_parts"):
            secure(table)


def create_exports() -> None:
    op.create_table(
        "list_exports",
        sa.Column("staff_ref", sa.String(), nullable=False),
        sa.Column("list_name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("columns", JSON, nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("style", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("written", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("place", JSON, nullable=False),
        sa.Column("asked_at", UTC_TIME, nullable=False),
        sa.Column("done_at", UTC_TIME, nullable=True),
        sa.Column("expires_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_list_exports")),
    )
    columns = ["store_id", "staff_ref", "list_name"]
    op.create_index(op.f("ix_list_exports_store_id_staff_ref_list_name"), "list_exports", columns)
    op.create_index(op.f("ix_list_exports_expires_at"), "list_exports", ["expires_at"])
    op.create_table(
        "list_export_parts",
        sa.Column("export_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_list_export_parts")),
        sa.UniqueConstraint(
            "store_id", "export_id", "number", name=op.f("uq_list_export_parts_store_id_export_id_number")
        ),
    )
    op.create_index(op.f("ix_list_export_parts_expires_at"), "list_export_parts", ["expires_at"])


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    for table in ("list_export_parts", "list_exports", "saved_views"):
        op.drop_table(table)
