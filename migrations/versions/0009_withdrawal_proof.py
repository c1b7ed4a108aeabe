"""A withdrawal remembers the proof that its goods were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("withdrawals", sa.Column("sent_proof", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("withdrawals", "sent_proof")
