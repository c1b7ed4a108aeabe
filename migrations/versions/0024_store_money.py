"""An order keeps its total in the store's own currency, a store keeps its plan."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    # With defaults at the server, since an older process may still write these rows during an upgrade.
    op.add_column("orders", sa.Column("store_currency", sa.String(), nullable=False, server_default=""))
    op.add_column("orders", sa.Column("store_total", sa.BigInteger(), nullable=True))
    op.add_column("stores", sa.Column("plan", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("stores", "plan")
    for name in ("store_total", "store_currency"):
        op.drop_column("orders", name)
