"""A parcel remembers whether it may hide a part that has not left, an order whether its platform mailed it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    # With defaults at the server, since an older process may still write these rows during an upgrade.
    op.add_column("shipments", sa.Column("may_hide_rest", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("orders", sa.Column("shipped_mailed", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("orders", "shipped_mailed")
    op.drop_column("shipments", "may_hide_rest")
