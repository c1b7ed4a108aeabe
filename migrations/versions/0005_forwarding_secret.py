"""A second secret for each store, and whose id stands behind a name in the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # Empty: the release before knows neither column, and writes stores and entries without them while it still runs.
    nothing = sa.text("x''" if op.get_bind().dialect.name == "sqlite" else "''")
    op.add_column("stores", sa.Column("forwarding_secret", sa.LargeBinary(), nullable=False, server_default=nothing))
    op.add_column("audit", sa.Column("staff_ref", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("audit", "staff_ref")
    op.drop_column("stores", "forwarding_secret")
