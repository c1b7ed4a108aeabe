"""A return's item keeps the variant its shopper chose in exchange: its name, and what one of it was to cost."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("return_items", sa.Column("exchange_title", sa.String(), nullable=False, server_default=""))
    op.add_column("return_items", sa.Column("exchange_price", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("return_items", "exchange_price")
    op.drop_column("return_items", "exchange_title")
