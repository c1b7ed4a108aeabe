"""Shows and saves one section of the settings, in a form that knows which values it showed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flask import g, request
from sqlalchemy.orm import Session

from core.desk.page import show_page
from core.desk.versions.document_forms import document_form
from core.desk.versions.row_facts import Section
from core.desk.versions.row_version import check_version
from core.desk.versions.who_acted import outcome_of
from core.http.context import services
from core.stores import settings
from core.stores.platform_access import store_by_id

NOTHING: Mapping[str, str] = MappingProxyType({})


def show_document(
    template: str,
    section: str,
    form: Mapping[str, str],
    *,
    problems: Mapping[str, str] = NOTHING,
    others: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    section_of: Mapping[str, str] = MappingProxyType({}),
    **values: Any,
) -> str:
    """Print the page of a section whose form was posted, if any was; `form` is what is saved now, by field.

    `others` are the further forms that stand on the same page. A form is named by its section; where several forms
    show parts of one section, `section_of` gives the section by the form's name. The template gets `form` with what
    stands in every field, `hidden` (form → its version and digests), and `outcome`, the section's last change, where
    the page follows one.
    """
    with services().db.transaction(g.store.id, write=False) as session:
        kept = Section(g.store, section_of.get(section, section))
        made = {section: document_form(session, kept, form)}
        for name, saved in others.items():
            made[name] = document_form(session, Section(g.store, section_of.get(name, name)), saved, is_posted=False)
        is_saved = request.method == "GET" and "saved" in request.args
        values["outcome"] = outcome_of(session, f"settings:{kept.name}") if is_saved else None
    filled = {name: value for one in made.values() for name, value in one.values.items()}
    found = {**made[section].meanwhile, **problems}
    return show_page(template, problems=found, form=filled, hidden=made, **values)


def save_section(
    section: str, values: Mapping[str, Any] | None, *, also: Callable[[Session], None] | None = None
) -> bool:
    """Save a section if the posted form shows it as it is, and do what belongs to it in the same transaction.

    Raises Stale. Where `values` is None, for what cannot be saved, only that is asked; False then.
    """
    app = services()
    with app.db.transaction(g.store.id) as session:
        store = store_by_id(session, g.store.id, lock=True)
        check_version(session, Section(store, section))
        if values is None:
            return False
        settings.change(session, store, section, values, version=store.settings_version, now=app.clock())
        if also is not None:
            also(session)
    return True
