"""By what lists of returns and withdrawals are sorted: expressions that indexes of migration 0031 keep.

Their constants stand in the text, since an index on an expression is used only for that very expression. The models do
not name these indexes, for Alembic cannot compare them.
"""

from __future__ import annotations

import sqlalchemy as sa

from core.returns.model import Return, Withdrawal


def _text(constant: str) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{constant}'", sa.String())


def number(constant: int) -> sa.ColumnElement[int]:
    """Give a number that stands in a statement's text, as in the index."""
    return sa.literal_column(str(constant), sa.Integer())


APPROVAL, DECISION, MONEY, INSPECTION, CONFLICT, NOTHING = 0, 1, 2, 3, 4, 9
"""What `return_attention` says; MONEY is told by a return's reimbursements alone, so it says another then."""
return_attention = sa.case(
    (
        sa.and_(Return.acceptance == _text("requested"), Return.approval_asked_by != _text("")),
        number(APPROVAL),
    ),
    (Return.acceptance == _text("requested"), number(DECISION)),
    (
        sa.and_(Return.status == _text("received"), Return.reception == _text("received")),
        number(INSPECTION),
    ),
    (Return.native_conflict != _text(""), number(CONFLICT)),
    else_=number(NOTHING),
)
"""What a return waits for at staff; index ix_returns_attention."""
return_waits_since = sa.func.coalesce(Return.received_at, Return.answer_by, Return.opened_at)
"""By what returns that wait for the same are sorted."""
withdrawal_runs = Withdrawal.state.in_([_text("declared"), _text("acknowledged"), _text("contested")])
"""Whether a withdrawal's legal clock runs."""
withdrawal_due = sa.func.coalesce(Withdrawal.refund_due, sa.literal_column("'9999-12-31'", sa.Date()))
"""The last day for a withdrawal's money, far off while the law lets the store wait; index ix_withdrawals_due."""
