"""Find anything: the search index of each store, and the notes of rows that changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0030"
down_revision = "0029"

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
TABLES = ("search_documents", "search_postings", "search_changes", "search_states")


def upgrade() -> None:
    op.create_table(
        "search_documents",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.LargeBinary(), nullable=False),
        *keys(),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_search_documents")),
        sa.UniqueConstraint("store_id", "row_id", "kind", name=op.f("uq_search_documents_store_id_row_id_kind")),
    )
    op.create_table(
        "search_postings",
        sa.Column("documents", sa.LargeBinary(), nullable=False),
        *keys(),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_search_postings")),
    )
    op.create_table(
        "search_changes",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        *keys(),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_search_changes")),
    )
    op.create_table(
        "search_states",
        sa.Column("complete", sa.String(), nullable=False),
        sa.Column("walking", sa.String(), nullable=False),
        sa.Column("position", JSON, nullable=False),
        sa.Column("places", JSON, nullable=False),
        *keys(),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_search_states")),
        sa.UniqueConstraint("store_id", name=op.f("uq_search_states_store_id")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            secure(table)


def keys() -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False) for name in ("store_id", "id")]


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
