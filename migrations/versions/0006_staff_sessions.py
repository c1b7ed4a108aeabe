"""Staff's sessions end when they sign out or their role changes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # The release before writes staff without it while it still runs.
    op.add_column("staff", sa.Column("session_version", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("staff", "session_version")
