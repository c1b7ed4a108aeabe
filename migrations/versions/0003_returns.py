"""Returns: what comes back, withdrawals, what is paid for them, the policy in versions, photos, counters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

UTC_TIME = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
TABLES = ["counters", "reimbursements", "return_items", "return_photos", "return_policies", "returns", "withdrawals"]


def upgrade() -> None:
    create_tables()
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            secure(table)


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    named = "store_id = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def create_tables() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_counters")),
        sa.UniqueConstraint("store_id", "name", name=op.f("uq_counters_store_id_name")),
    )
    op.create_table(
        "reimbursements",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("return_id", sa.BigInteger(), nullable=True),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=True),
        sa.Column("intent", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("payout", JSON, nullable=False),
        sa.Column("payments", JSON, nullable=False),
        sa.Column("explanation", JSON, nullable=False),
        sa.Column("exchange", JSON, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("restock", JSON, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTC_TIME, nullable=True),
        sa.Column("platform_ref", sa.String(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=True),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("issued_at", UTC_TIME, nullable=True),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_reimbursements")),
        sa.UniqueConstraint("store_id", "intent", name=op.f("uq_reimbursements_store_id_intent")),
        sa.UniqueConstraint("store_id", "key", name=op.f("uq_reimbursements_store_id_key")),
    )
    op.create_index(
        op.f("ix_reimbursements_store_id_order_id"), "reimbursements", ["store_id", "order_id"], unique=False
    )
    op.create_index(
        op.f("ix_reimbursements_store_id_state_created_at"),
        "reimbursements",
        ["store_id", "state", "created_at"],
        unique=False,
    )
    op.create_table(
        "return_items",
        sa.Column("return_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("line_ref", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("wish", sa.String(), nullable=False),
        sa.Column("answers", JSON, nullable=False),
        sa.Column("exchange_for", sa.String(), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("restock", sa.Boolean(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_return_items")),
    )
    op.create_index(op.f("ix_return_items_store_id_order_id"), "return_items", ["store_id", "order_id"], unique=False)
    op.create_index(op.f("ix_return_items_store_id_return_id"), "return_items", ["store_id", "return_id"], unique=False)
    op.create_table(
        "return_photos",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("return_id", sa.BigInteger(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("mime", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("added_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_return_photos")),
        sa.UniqueConstraint("store_id", "order_id", "digest", name=op.f("uq_return_photos_store_id_order_id_digest")),
    )
    op.create_index(
        op.f("ix_return_photos_added_at"),
        "return_photos",
        ["added_at"],
        unique=False,
        sqlite_where=sa.text("return_id is null"),
        postgresql_where=sa.text("return_id is null"),
    )
    op.create_index(
        op.f("ix_return_photos_store_id_return_id"), "return_photos", ["store_id", "return_id"], unique=False
    )
    op.create_table(
        "return_policies",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", JSON, nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
        sa.Column("saved_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_return_policies")),
        sa.UniqueConstraint("store_id", "version", name=op.f("uq_return_policies_store_id_version")),
    )
    op.create_table(
        "returns",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("rma", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("acceptance", sa.String(), nullable=False),
        sa.Column("reception", sa.String(), nullable=False),
        sa.Column("reimbursement", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("objections", JSON, nullable=False),
        sa.Column("rules", JSON, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("refund_when", sa.String(), nullable=False),
        sa.Column("label_paid_by", sa.String(), nullable=False),
        sa.Column("fees", JSON, nullable=False),
        sa.Column("shipping", sa.BigInteger(), nullable=False),
        sa.Column("quoted", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("gift", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("opened_at", UTC_TIME, nullable=False),
        sa.Column("answer_by", UTC_TIME, nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", UTC_TIME, nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("approval_asked_by", sa.String(), nullable=False),
        sa.Column("return_by", sa.Date(), nullable=True),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("tracking_number", sa.String(), nullable=False),
        sa.Column("label_url", sa.String(), nullable=False),
        sa.Column("sent_at", UTC_TIME, nullable=True),
        sa.Column("received_at", UTC_TIME, nullable=True),
        sa.Column("inspected_at", UTC_TIME, nullable=True),
        sa.Column("refund_by", sa.Date(), nullable=True),
        sa.Column("ended_at", UTC_TIME, nullable=True),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_returns")),
        sa.UniqueConstraint("store_id", "rma", name=op.f("uq_returns_store_id_rma")),
    )
    op.create_index(op.f("ix_returns_store_id_order_id"), "returns", ["store_id", "order_id"], unique=False)
    op.create_index(
        op.f("ix_returns_store_id_status_opened_at"), "returns", ["store_id", "status", "opened_at"], unique=False
    )
    op.create_table(
        "withdrawals",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("period_ends", sa.Date(), nullable=True),
        sa.Column("started_at", UTC_TIME, nullable=False),
        sa.Column("declared_at", UTC_TIME, nullable=True),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("receipt_hash", sa.String(), nullable=False),
        sa.Column("acknowledged_at", UTC_TIME, nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("sent_at", UTC_TIME, nullable=True),
        sa.Column("goods_back_at", UTC_TIME, nullable=True),
        sa.Column("nothing_to_send", sa.Boolean(), nullable=False),
        sa.Column("send_back_by", sa.Date(), nullable=True),
        sa.Column("refund_due", sa.Date(), nullable=True),
        sa.Column("ended_at", UTC_TIME, nullable=True),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint("store_id", "number", name=op.f("uq_withdrawals_store_id_number")),
    )
    op.create_index(op.f("ix_withdrawals_store_id_order_id"), "withdrawals", ["store_id", "order_id"], unique=False)
    op.create_index(
        op.f("ix_withdrawals_store_id_receipt_hash"), "withdrawals", ["store_id", "receipt_hash"], unique=False
    )
    op.create_index(
        op.f("ix_withdrawals_store_id_state_declared_at"),
        "withdrawals",
        ["store_id", "state", "declared_at"],
        unique=False,
    )
    # ### end Alembic commands ###
