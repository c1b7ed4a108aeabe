"""A promise may be a range of days, an order be held for reasons, and a withdrawal be declared in the store itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0028"
down_revision = "0027"

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("orders", sa.Column("platform_promised_from", sa.Date(), nullable=True))
    op.add_column("shipments", sa.Column("promised_from", sa.Date(), nullable=True))
    # With defaults at the server, since an older process may still write these rows during an upgrade.
    op.add_column("orders", sa.Column("holds", JSON, nullable=False, server_default="[]"))
    op.add_column("shipments", sa.Column("on_hold", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("withdrawals", sa.Column("source", sa.String(), nullable=False, server_default=""))
    op.add_column("withdrawals", sa.Column("mailed", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    op.drop_column("withdrawals", "mailed")
    op.drop_column("withdrawals", "source")
    op.drop_column("shipments", "on_hold")
    op.drop_column("orders", "holds")
    op.drop_column("shipments", "promised_from")
    op.drop_column("orders", "platform_promised_from")
