"""Staff choose the language of the desk, and whether its keyboard shortcuts are on."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("staff", sa.Column("chosen_language", sa.String(), nullable=False, server_default=""))
    op.add_column("staff", sa.Column("uses_keys", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    op.drop_column("staff", "uses_keys")
    op.drop_column("staff", "chosen_language")
