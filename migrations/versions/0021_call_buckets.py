"""How many calls a platform lets us make of a store, shared by all processes."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "call_buckets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("size", sa.Double(), nullable=False),
        sa.Column("refill", sa.Double(), nullable=False),
        sa.Column("closed_until", sa.Double(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_call_buckets")),
        sa.UniqueConstraint("store_id", "name", name=op.f("uq_call_buckets_store_id_name")),
    )
    if op.get_bind().dialect.name == "postgresql":
        secure("call_buckets")


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    op.drop_table("call_buckets")
