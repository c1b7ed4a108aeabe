"""A withdrawal remembers how much of the delivery cost comes back, and what its goods lost in value, with photos."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    # With defaults at the server, since an older process may still write these rows during an upgrade.
    op.add_column("withdrawals", sa.Column("delivery_cost", sa.BigInteger(), nullable=True))
    op.add_column("withdrawals", sa.Column("lost_value", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("withdrawals", sa.Column("lost_value_reason", sa.String(), nullable=False, server_default=""))
    op.add_column("return_photos", sa.Column("withdrawal_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("return_photos", "withdrawal_id")
    for name in ("lost_value_reason", "lost_value", "delivery_cost"):
        op.drop_column("withdrawals", name)
