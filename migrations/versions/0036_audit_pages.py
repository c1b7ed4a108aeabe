"""The audit log is read in pages, by an index that ends with the id."""

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.create_index("ix_audit_store_id_at_id", "audit", ["store_id", "at", "id"])
    op.drop_index("ix_audit_store_id_at", table_name="audit")


def downgrade() -> None:
    op.create_index("ix_audit_store_id_at", "audit", ["store_id", "at"])
    op.drop_index("ix_audit_store_id_at_id", table_name="audit")
