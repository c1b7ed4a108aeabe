"""The spine: stores, promised work, orders, notices, reviews, cases, and row-level security over all of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

UTC_TIME = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
TABLES = [
    "audit",
    "case_messages",
    "cases",
    "feeds",
    "findings",
    "jobs",
    "line_items",
    "nonces",
    "notices",
    "order_events",
    "orders",
    "reviews",
    "shipments",
    "staff",
    "stores",
    "throttles",
    "tracking_events",
]


def upgrade() -> None:
    create_tables()
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            secure(table)


def secure(table: str) -> None:
    """Let a transaction see the rows of the store it named, or all when it is the system's own."""
    owner = "id" if table == "stores" else "store_id"
    named = f"{owner} = nullif(current_setting('app.store', true), '')::bigint"
    rule = f"{named} or current_setting('app.system', true) = 'on'"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")  # the owner too: it is the user we run as
    op.execute(f"create policy one_store on {table} using ({rule}) with check ({rule})")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def create_tables() -> None:
    op.create_table(
        "audit",
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_store_id_at"), "audit", ["store_id", "at"], unique=False)
    op.create_table(
        "case_messages",
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_case_messages")),
    )
    op.create_index(
        op.f("ix_case_messages_store_id_case_id_at"), "case_messages", ["store_id", "case_id", "at"], unique=False
    )
    op.create_index(
        "uq_case_messages_origin",
        "case_messages",
        ["store_id", "origin"],
        unique=True,
        sqlite_where=sa.text("origin <> ''"),
        postgresql_where=sa.text("origin <> ''"),
    )
    op.create_table(
        "cases",
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("opened_at", UTC_TIME, nullable=False),
        sa.Column("due_at", UTC_TIME, nullable=True),
        sa.Column("closed_at", UTC_TIME, nullable=True),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_cases")),
    )
    op.create_index(
        op.f("ix_cases_store_id_state_opened_at"), "cases", ["store_id", "state", "opened_at"], unique=False
    )
    op.create_table(
        "feeds",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("started_at", UTC_TIME, nullable=True),
        sa.Column("finished_at", UTC_TIME, nullable=True),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_feeds")),
        sa.UniqueConstraint("store_id", "name", name=op.f("uq_feeds_store_id_name")),
    )
    op.create_table(
        "findings",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("found_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_findings")),
        sa.UniqueConstraint("store_id", "code", name=op.f("uq_findings_store_id_code")),
    )
    op.create_table(
        "jobs",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("once", sa.Boolean(), nullable=False),
        sa.Column("run_at", UTC_TIME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", UTC_TIME, nullable=True),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("done_at", UTC_TIME, nullable=True),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_jobs")),
    )
    op.create_index(
        "ix_jobs_attention",
        "jobs",
        ["store_id", "state"],
        unique=False,
        sqlite_where=sa.text("state in ('stuck', 'paused')"),
        postgresql_where=sa.text("state in ('stuck', 'paused')"),
    )
    op.create_index(
        "ix_jobs_done_at",
        "jobs",
        ["done_at"],
        unique=False,
        sqlite_where=sa.text("state in ('done', 'superseded')"),
        postgresql_where=sa.text("state in ('done', 'superseded')"),
    )
    op.create_index(
        "ix_jobs_due",
        "jobs",
        ["run_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_jobs_due_by_store",
        "jobs",
        ["store_id", "run_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_jobs_leases",
        "jobs",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "uq_jobs_once",
        "jobs",
        ["store_id", "key"],
        unique=True,
        sqlite_where=sa.text("once"),
        postgresql_where=sa.text("once"),
    )
    op.create_index(
        "uq_jobs_running",
        "jobs",
        ["store_id", "key"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "uq_jobs_waiting",
        "jobs",
        ["store_id", "key"],
        unique=True,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "line_items",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("product_ref", sa.String(), nullable=False),
        sa.Column("image_url", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("taxes", JSON, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_line_items")),
        sa.UniqueConstraint("store_id", "order_id", "ref", name=op.f("uq_line_items_store_id_order_id_ref")),
    )
    op.create_table(
        "nonces",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("expires_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_nonces")),
        sa.UniqueConstraint("store_id", "digest", name=op.f("uq_nonces_store_id_digest")),
    )
    op.create_index(op.f("ix_nonces_expires_at"), "nonces", ["expires_at"], unique=False)
    op.create_table(
        "notices",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("promised_by", sa.Date(), nullable=True),
        sa.Column("expected_by", sa.Date(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("send_at", UTC_TIME, nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("sent_at", UTC_TIME, nullable=True),
        sa.Column("merged_into", sa.BigInteger(), nullable=True),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_notices")),
        sa.UniqueConstraint(
            "store_id", "order_id", "rule", "occasion", name=op.f("uq_notices_store_id_order_id_rule_occasion")
        ),
    )
    op.create_index(op.f("ix_notices_store_id_message_id"), "notices", ["store_id", "message_id"], unique=False)
    op.create_index(
        op.f("ix_notices_store_id_state_created_at"), "notices", ["store_id", "state", "created_at"], unique=False
    )
    op.create_table(
        "order_events",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_order_events")),
    )
    op.create_index(
        op.f("ix_order_events_store_id_order_id_at"), "order_events", ["store_id", "order_id", "at"], unique=False
    )
    op.create_table(
        "orders",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("number_key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_at", UTC_TIME, nullable=True),
        sa.Column("status_seen_at", UTC_TIME, nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("tax_included", sa.Boolean(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("shopper_ref", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("postcode", sa.String(), nullable=False),
        sa.Column("shipping_method", sa.String(), nullable=False),
        sa.Column("pickup", sa.Boolean(), nullable=False),
        sa.Column("placed_at", UTC_TIME, nullable=False),
        sa.Column("paid_at", UTC_TIME, nullable=True),
        sa.Column("canceled_at", UTC_TIME, nullable=True),
        sa.Column("gone_at", UTC_TIME, nullable=True),
        sa.Column("platform_promised_by", sa.Date(), nullable=True),
        sa.Column("payments", JSON, nullable=False),
        sa.Column("refunds", JSON, nullable=False),
        sa.Column("admin_url", sa.String(), nullable=False),
        sa.Column("updated_at", UTC_TIME, nullable=False),
        sa.Column("fetched_at", UTC_TIME, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("refunded", sa.Boolean(), nullable=False),
        sa.Column("return_open", sa.Boolean(), nullable=False),
        sa.Column("stopped_at", UTC_TIME, nullable=True),
        sa.Column("link_version", sa.Integer(), nullable=False),
        sa.Column("erased_at", UTC_TIME, nullable=True),
        sa.Column("seen_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_orders")),
        sa.UniqueConstraint("store_id", "ref", name=op.f("uq_orders_store_id_ref")),
    )
    op.create_index(op.f("ix_orders_store_id_email_key"), "orders", ["store_id", "email_key"], unique=False)
    op.create_index(op.f("ix_orders_store_id_number_key"), "orders", ["store_id", "number_key"], unique=False)
    op.create_index(op.f("ix_orders_store_id_placed_at"), "orders", ["store_id", "placed_at"], unique=False)
    op.create_index(op.f("ix_orders_store_id_shopper_ref"), "orders", ["store_id", "shopper_ref"], unique=False)
    op.create_index(op.f("ix_orders_store_id_updated_at"), "orders", ["store_id", "updated_at"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("product_ref", sa.String(), nullable=False),
        sa.Column("product_title", sa.String(), nullable=False),
        sa.Column("product_url", sa.String(), nullable=False),
        sa.Column("order_ref", sa.String(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("replies", JSON, nullable=False),
        sa.Column("posted_at", UTC_TIME, nullable=False),
        sa.Column("updated_at", UTC_TIME, nullable=False),
        sa.Column("fetched_at", UTC_TIME, nullable=False),
        sa.Column("gone_at", UTC_TIME, nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("store_id", "ref", name=op.f("uq_reviews_store_id_ref")),
    )
    op.create_index(op.f("ix_reviews_store_id_posted_at"), "reviews", ["store_id", "posted_at"], unique=False)
    op.create_table(
        "shipments",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("raw_status", sa.String(), nullable=False),
        sa.Column("status_seen_at", UTC_TIME, nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("carrier_name", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("tracking_number", sa.String(), nullable=False),
        sa.Column("tracking_url", sa.String(), nullable=False),
        sa.Column("items", JSON, nullable=False),
        sa.Column("digital", sa.Boolean(), nullable=False),
        sa.Column("shipped_at", UTC_TIME, nullable=True),
        sa.Column("delivered_at", UTC_TIME, nullable=True),
        sa.Column("delivered_source", sa.String(), nullable=False),
        sa.Column("estimated_by", sa.Date(), nullable=True),
        sa.Column("first_scan_at", UTC_TIME, nullable=True),
        sa.Column("last_scan_at", UTC_TIME, nullable=True),
        sa.Column("last_scan_status", sa.String(), nullable=False),
        sa.Column("promised_by", sa.Date(), nullable=True),
        sa.Column("promise_source", sa.String(), nullable=False),
        sa.Column("expected_earliest", sa.Date(), nullable=True),
        sa.Column("expected_likely", sa.Date(), nullable=True),
        sa.Column("expected_latest", sa.Date(), nullable=True),
        sa.Column("expected_source", sa.String(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("answered_at", UTC_TIME, nullable=True),
        sa.Column("check_after", UTC_TIME, nullable=True),
        sa.Column("seen_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_shipments")),
        sa.UniqueConstraint("store_id", "order_id", "ref", name=op.f("uq_shipments_store_id_order_id_ref")),
    )
    op.create_index(
        "ix_shipments_check_after",
        "shipments",
        ["check_after", "store_id", "id"],
        unique=False,
        sqlite_where=sa.text("check_after is not null"),
        postgresql_where=sa.text("check_after is not null"),
    )
    op.create_table(
        "staff",
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("seen_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_staff")),
        sa.UniqueConstraint("store_id", "ref", name=op.f("uq_staff_store_id_ref")),
    )
    op.create_table(
        "stores",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("credentials", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("hook_digest", sa.String(), nullable=False),
        sa.Column("hook_token", sa.LargeBinary(), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("settings_version", sa.Integer(), nullable=False),
        sa.Column("created_at", UTC_TIME, nullable=False),
        sa.Column("signature_failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stores")),
        sa.UniqueConstraint("hook_digest", name=op.f("uq_stores_hook_digest")),
        sa.UniqueConstraint("key", name=op.f("uq_stores_key")),
        sa.UniqueConstraint("platform", "ref", name=op.f("uq_stores_platform_ref")),
    )
    op.create_table(
        "throttles",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", UTC_TIME, nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_throttles")),
        sa.UniqueConstraint("store_id", "digest", "window", name=op.f("uq_throttles_store_id_digest_window")),
    )
    op.create_index(op.f("ix_throttles_expires_at"), "throttles", ["expires_at"], unique=False)
    op.create_table(
        "tracking_events",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("shipment_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("store_id", "id", name=op.f("pk_tracking_events")),
        sa.UniqueConstraint(
            "store_id",
            "shipment_id",
            "at",
            "status",
            "raw",
            name=op.f("uq_tracking_events_store_id_shipment_id_at_status_raw"),
        ),
    )
    op.create_index(
        op.f("ix_tracking_events_store_id_order_id"), "tracking_events", ["store_id", "order_id"], unique=False
    )
    # ### end Alembic commands ###
