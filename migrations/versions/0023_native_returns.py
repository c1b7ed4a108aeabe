"""A return remembers the platform's own return that stands for it; an item how many of it never came."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
WORDS = (
    "source native_ref native_name native_url native_state native_status native_told native_conflict native_sentence"
)


def upgrade() -> None:
    # With defaults at the server, since an older process may still write these rows during an upgrade.
    for name in WORDS.split():
        op.add_column("returns", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("returns", sa.Column("native_past", JSON, nullable=False, server_default="[]"))
    op.create_index(op.f("ix_returns_store_id_native_ref"), "returns", ["store_id", "native_ref"])
    op.add_column("return_items", sa.Column("missing", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("return_items", "missing")
    op.drop_index(op.f("ix_returns_store_id_native_ref"), "returns")
    for name in ("native_past", *WORDS.split()):
        op.drop_column("returns", name)
