"""A promise may be a range of days."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("orders", sa.Column("platform_promised_from", sa.Date(), nullable=True))
    op.add_column("shipments", sa.Column("promised_from", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("shipments", "promised_from")
    op.drop_column("orders", "platform_promised_from")
