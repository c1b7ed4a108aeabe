"""All tables, in one import: what migrations compare with and tests create."""

from core.conversations import model as conversations
from core.db.base import Base
from core.jobs.queue import Job
from core.orders import model as orders
from core.orders.messages import notice
from core.returns import model as returns
from core.returns.withdrawal import model as withdrawal
from core.reviews import model as reviews
from core.search import model as search
from core.stores import model as stores

metadata = Base.metadata

__all__ = [
    "Job",
    "conversations",
    "metadata",
    "notice",
    "orders",
    "returns",
    "reviews",
    "search",
    "stores",
    "withdrawal",
]
