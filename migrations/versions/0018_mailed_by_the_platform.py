"""An order remembers whether its platform itself mailed the shopper that it has left."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("orders", sa.Column("shipped_mailed", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("orders", "shipped_mailed")
