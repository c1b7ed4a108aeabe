"""A return remembers who decided it by the platform's id of the person, since names change."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("returns", sa.Column("decided_ref", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("returns", "decided_ref")
