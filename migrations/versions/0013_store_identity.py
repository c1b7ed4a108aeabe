"""A store keeps the platform's own id of it, and other addresses that carry the id wait for its owner's word."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
UTC_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("stores", sa.Column("platform_id", sa.String(), nullable=False, server_default=""))
    op.create_index(op.f("ix_stores_platform_platform_id"), "stores", ["platform", "platform_id"], unique=False)
    op.create_table(
        "store_claims",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("credentials", sa.LargeBinary(), nullable=False),
        sa.Column("found_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_store_claims")),
        sa.UniqueConstraint("store_id", "ref", name=op.f("uq_store_claims_store_id_ref")),
    )
    op.create_index(op.f("ix_store_claims_found_at"), "store_claims", ["found_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        secure("store_claims")


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    op.drop_table("store_claims")
    op.drop_index(op.f("ix_stores_platform_platform_id"), table_name="stores")
    op.drop_column("stores", "platform_id")
