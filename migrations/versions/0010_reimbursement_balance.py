"""A reimbursement says which balance of the shopper's it goes back to: a gift card, store credit or points."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("reimbursements", sa.Column("balance", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("reimbursements", "balance")
