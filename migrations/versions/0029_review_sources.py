"""Reviews may come from providers beside the platform, several for each store."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "review_sources",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account_ref", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("credentials", sa.LargeBinary(), nullable=False),
        sa.Column("hook_digest", sa.String(), nullable=False),
        sa.Column("hook", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_review_sources")),
        sa.UniqueConstraint("hook_digest", name=op.f("uq_review_sources_hook_digest")),
        sa.UniqueConstraint("store_id", "key", name=op.f("uq_review_sources_store_id_key")),
        sa.UniqueConstraint(
            "store_id", "name", "account_ref", name=op.f("uq_review_sources_store_id_name_account_ref")
        ),
    )
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("reviews", sa.Column("source", sa.String(), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        secure("review_sources")


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    op.drop_column("reviews", "source")
    op.drop_table("review_sources")
