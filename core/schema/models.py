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
from core.stores.exports import model as exports
from core.stores.people import saved_views

metadata = Base.metadata

__all__ = [
    "Job",
    "conversations",
    "exports",
    "metadata",
    "notice",
    "orders",
    "returns",
    "reviews",
    "saved_views",
    "search",
    "stores",
    "withdrawal",
]
