"""A reading remembers which operation of the platform it waits for, and when it may ask again."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

UTC_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("feeds", sa.Column("since", sa.String(), nullable=False, server_default=""))
    op.add_column("feeds", sa.Column("operation", sa.String(), nullable=False, server_default=""))
    op.add_column("feeds", sa.Column("again_at", UTC_TIME, nullable=True))
    op.add_column("feeds", sa.Column("waiting_since", UTC_TIME, nullable=True))
    op.add_column("feeds", sa.Column("waits", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    for name in ("waits", "waiting_since", "again_at", "operation", "since"):
        op.drop_column("feeds", name)
