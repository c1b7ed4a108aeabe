"""A reimbursement keeps why nobody was asked, how a credit is spent, and what the platform booked by itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0025"
down_revision = "0024"

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    # With defaults at the server, since an older process may still write these rows during an upgrade.
    for name in ("obstacle", "credit"):
        op.add_column("reimbursements", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("reimbursements", sa.Column("booked", JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    for name in ("booked", "credit", "obstacle"):
        op.drop_column("reimbursements", name)
