"""An order's line keeps which variant was bought and its product's tags."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0027"
down_revision = "0026"

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    # With defaults at the server, since an older process may still write these rows during an upgrade.
    op.add_column("line_items", sa.Column("variant_ref", sa.String(), nullable=False, server_default=""))
    op.add_column("line_items", sa.Column("tags", JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    for name in ("tags", "variant_ref"):
        op.drop_column("line_items", name)
