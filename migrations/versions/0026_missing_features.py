"""A store keeps what it lacks of its platform's features."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    # With a default at the server, since an older process may still write these rows during an upgrade.
    op.add_column("stores", sa.Column("missing", JSON, nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("stores", "missing")
