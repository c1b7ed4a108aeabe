"""Imports every module that adds pages to the desk's blueprint; whoever serves the desk imports this one."""

from core.desk import invitation_pages, notice_pages, order_pages, sign_in, work_pages  # noqa: F401
from core.desk.lists import view_pages  # noqa: F401
from core.desk.lists.exports import export_pages  # noqa: F401
from core.desk.policy import policy_pages  # noqa: F401
from core.desk.returns import (  # noqa: F401
    declaration_pages,
    open_return_page,
    payment_actions,
    return_actions,
    withdrawal_terms,
)
from core.desk.reviews import review_pages  # noqa: F401
from core.desk.search import search_page  # noqa: F401
from core.desk.settings import (  # noqa: F401
    audit_page,
    connection_page,
    own_page,
    privacy_pages,
    return_settings_page,
    review_source_pages,
    sender_page,
    settings_page,
    widget_page,
)
from core.desk.shells import person_pages  # noqa: F401
