"""Indexes by which the desk's lists are filtered and sorted, each ending with the id: pages begin at a row."""

from alembic import op

revision = "0031"
down_revision = "0030"

# Each is built in the migrations' one transaction, as all indexes before were: built concurrently it would need a
# transaction of its own, and two processes that upgrade at once take turns by that one transaction's lock. Writers of
# a table wait while its index is built: a second or two for a million rows. Readers do not wait.
ATTENTION = (
    "(case when acceptance = 'requested' and approval_asked_by <> '' then 0 when acceptance = 'requested' then 1 "
    "when status = 'received' and reception = 'received' then 3 when native_conflict <> '' then 4 else 9 end)"
)
RUNS = "state in ('declared', 'acknowledged', 'contested')"
INDEXES = [
    ("ix_orders_store_id_placed_at_id", "orders", ["placed_at", "id"], ""),
    ("ix_orders_store_id_updated_at_id", "orders", ["updated_at", "id"], ""),
    ("ix_orders_held", "orders", ["placed_at", "id"], "holds <> '[]'"),
    ("ix_orders_return_open", "orders", ["placed_at", "id"], "return_open"),
    ("ix_orders_stopped", "orders", ["placed_at", "id"], "stopped_at is not null"),
    ("ix_shipments_late", "shipments", ["order_id"], "late is true and delivered_at is null"),
    (
        "ix_shipments_at_risk",
        "shipments",
        ["order_id"],
        "expected_likely > promised_by and late is false and delivered_at is null",
    ),
    ("ix_notices_store_id_state_created_at_id", "notices", ["state", "created_at", "id"], ""),
    ("ix_notices_messages", "notices", ["created_at", "id"], "merged_into is null"),
    ("ix_cases_store_id_state_opened_at_id", "cases", ["state", "opened_at", "id"], ""),
    ("ix_cases_store_id_opened_at_id", "cases", ["opened_at", "id"], ""),
    ("ix_returns_store_id_opened_at_id", "returns", ["opened_at", "id"], ""),
    ("ix_returns_attention", "returns", [ATTENTION, "coalesce(received_at, answer_by, opened_at)", "id"], ""),
    ("ix_withdrawals_store_id_declared_at_id", "withdrawals", ["declared_at", "id"], ""),
    ("ix_withdrawals_due", "withdrawals", ["coalesce(refund_due, '9999-12-31')", "id"], RUNS),
    ("ix_reviews_store_id_posted_at_id", "reviews", ["posted_at", "id"], ""),
    ("ix_reviews_answered", "reviews", ["answered_at", "id"], "answered_at is not null"),
    (
        "ix_reviews_attention",
        "reviews",
        ["(case when answered_at is null then 0 else 1 end)", "rating", "posted_at", "id"],
        "",
    ),
]
REPLACED = [
    ("ix_orders_store_id_placed_at", "orders", ["placed_at"]),
    ("ix_orders_store_id_updated_at", "orders", ["updated_at"]),
    ("ix_notices_store_id_state_created_at", "notices", ["state", "created_at"]),
    ("ix_cases_store_id_state_opened_at", "cases", ["state", "opened_at"]),
    ("ix_reviews_store_id_posted_at", "reviews", ["posted_at"]),
]


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, table, columns, where in INDEXES:
        if is_sqlite:  # a partial index serves only conditions that read as its own does
            where = where.replace("late is true", "late = 1").replace("late is false", "late is 0")
        shown = ", ".join(["store_id", *columns])
        op.execute(f"create index {name} on {table} ({shown})" + (f" where {where}" if where else ""))
    for name, table, _columns in REPLACED:
        op.drop_index(name, table_name=table)


def downgrade() -> None:
    for name, table, columns in REPLACED:
        op.create_index(name, table, ["store_id", *columns])
    for name, table, _columns, _where in INDEXES:
        op.drop_index(name, table_name=table)
