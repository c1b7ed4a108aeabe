"""A store remembers when its credentials were renewed, and who is renewing them."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

UTC_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("stores", sa.Column("renewed_at", UTC_TIME, nullable=True))
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("stores", sa.Column("renewal_lease", sa.String(), nullable=False, server_default=""))
    op.add_column("stores", sa.Column("renewal_until", UTC_TIME, nullable=True))


def downgrade() -> None:
    for name in ("renewal_until", "renewal_lease", "renewed_at"):
        op.drop_column("stores", name)
