"""Audit entries are codes, chained by hash; the reasons staff give stay in the row they concern."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
WITH_REASONS = ("returns", "withdrawals", "reimbursements")


def upgrade() -> None:
    # The release before writes entries without these while it still runs: they stand as before the chain.
    for name in ("subject", "hash"):
        op.add_column("audit", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("seq", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_audit_store_id_subject"), "audit", ["store_id", "subject"], unique=False)
    op.create_index("uq_audit_seq", "audit", ["store_id", "seq"], unique=True)
    op.create_table(
        "audit_heads",
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_audit_heads")),
        sa.UniqueConstraint("store_id", name=op.f("uq_audit_heads_store_id")),
    )
    # Names were kept from others by the audit log, which holds none any more.
    op.add_column("staff", sa.Column("former_names", JSON, nullable=False, server_default="[]"))
    for table in WITH_REASONS:
        op.add_column(table, sa.Column("reasons", JSON, nullable=False, server_default="[]"))
    if op.get_bind().dialect.name == "postgresql":
        secure("audit_heads")


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    op.drop_column("staff", "former_names")
    for table in WITH_REASONS:
        op.drop_column(table, "reasons")
    op.drop_table("audit_heads")
    op.drop_index("uq_audit_seq", table_name="audit")
    op.drop_index(op.f("ix_audit_store_id_subject"), table_name="audit")
    for name in ("seq", "hash", "subject"):
        op.drop_column("audit", name)
