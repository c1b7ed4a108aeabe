"""The desk's lists by their names."""

from __future__ import annotations

from collections.abc import Mapping

from core.desk.lists.definition import ListKind
from core.desk.lists.kinds import audit_log, cases, messages, orders, returns, reviews, withdrawals

LISTS: Mapping[str, ListKind] = {
    module.LIST.name: module.LIST for module in (orders, returns, withdrawals, reviews, cases, messages, audit_log)
}
