"""Withdrawals may come late or without an order, and their receipt may go to another address."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

UTC_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    # With defaults at the server, since an older process may still write these rows during an upgrade.
    op.add_column("withdrawals", sa.Column("late", sa.Boolean(), nullable=False, server_default=sa.false()))
    for name in ("receipt_to", "receipt_key"):
        op.add_column("withdrawals", sa.Column(name, sa.String(), nullable=False, server_default=""))
    create_declarations()
    if op.get_bind().dialect.name == "postgresql":
        secure("declarations")


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    op.drop_table("declarations")
    for name in ("late", "receipt_to", "receipt_key"):
        op.drop_column("withdrawals", name)


def create_declarations() -> None:
    op.create_table(
        "declarations",
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=True),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("draft_digest", sa.String(), nullable=False),
        sa.Column("declared_at", UTC_TIME, nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("receipt_hash", sa.String(), nullable=False),
        sa.Column("mailed", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_at", UTC_TIME, nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("closed_at", UTC_TIME, nullable=True),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_declarations")),
        sa.UniqueConstraint("store_id", "number", name=op.f("uq_declarations_store_id_number")),
        sa.UniqueConstraint("store_id", "draft_digest", name=op.f("uq_declarations_store_id_draft_digest")),
    )
    for columns in (["order_id"], ["state", "declared_at"], ["email_key", "declared_at"], ["receipt_hash"]):
        name = op.f(f"ix_declarations_store_id_{'_'.join(columns)}")
        op.create_index(name, "declarations", ["store_id", *columns], unique=False)
