"""The return policy at the desk: read, edited, rehearsed, saved, carried as a file, taken back to an old version."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, abort, g, redirect, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page, staff_name
from core.desk.policy.policy_form import NEW, WISHES, current_form, read_policy, reasons_in, show_policy
from core.desk.policy.rule_sentences import list_rules, window_words
from core.desk.settings.section_form import NOTHING
from core.desk.settings.terms_form import BadTerms
from core.desk.versions.document_forms import document_form
from core.desk.versions.row_facts import CurrentPolicy
from core.desk.versions.row_version import FIELD, check_version
from core.desk.versions.stale_forms import is_conflict, versioned
from core.http.context import services, words
from core.platform.contract import Feature
from core.returns.law.withdrawal_law import pack_date
from core.returns.policy import policy_versions
from core.returns.policy.policy_document import Policy, explain
from core.returns.policy.policy_versions import NotAPolicy
from core.returns.presenter.display_names import reason_label, wish_label
from core.returns.return_settings import return_settings_of
from core.returns.simulation.policy_history import MOST_ORDERS, past_cases
from core.returns.simulation.simulate import simulate
from core.stores import staff
from core.stores.connection.features import features_of
from core.stores.platform_access import store_by_id

_MOST_CARRIED = 150_000
"""Characters of a candidate that a rehearsal carries in its form; a form holds 200,000 in all."""


@desk.get("/<key>/returns/policy")
def edit_policy(key: str) -> str:
    """The policy that holds: its rules, its common terms as a form, its file and its history."""
    return _print()


@desk.post("/<key>/returns/policy")
@versioned(lambda key: _print_unsaved() if "document" in request.form else _print())
def save_policy(key: str) -> BaseResponse | str | tuple[str, int]:
    """Save the form, or rehearse it; what cannot be saved is shown again as typed."""
    staff.require(g.person, staff.MAY_SET)
    base, form = _base(), current_form(request.form)
    try:
        candidate = read_policy(form, base, words())
    except BadTerms as error:
        return _print(error.problems, base, typed=form), 422
    return _rehearse(candidate) if "rehearse" in request.form else _save(candidate)


@desk.get("/<key>/returns/policy/file")
def export_policy(key: str) -> Response:
    """The policy as a file that can be imported again, here or in another store."""
    with services().db.transaction(g.store.id, write=False) as session:
        policy = policy_versions.policy_of(session, g.store)
    headers = {"Content-Disposition": f'attachment; filename="return-policy-{policy.version}.json"'}
    return Response(policy_versions.write_file(policy), mimetype="application/json", headers=headers)


@desk.post("/<key>/returns/policy/file")
@versioned(lambda key: _print_unsaved())
def import_policy(key: str) -> BaseResponse | str | tuple[str, int]:
    """Take a policy from a file, or from a rehearsal that carries it: save, rehearse, or go on editing it."""
    staff.require(g.person, staff.MAY_SET)
    try:
        candidate = policy_versions.read_file(_document())
    except NotAPolicy:
        return _print({"file": _not_a_policy()}), 422
    except ValidationError as error:
        return _print({"file": "\n".join(explain(error)[:20])}), 422
    if "rehearse" in request.form:
        return _rehearse(candidate)
    if "edit" in request.form:
        return _print(policy=candidate)
    return _save(candidate)


@desk.post("/<key>/returns/policy/versions/<int:version>/restore")
@versioned(lambda key, version: _print())
def restore_policy(key: str, version: int) -> BaseResponse:
    """Save an old version again, as the newest."""
    staff.require(g.person, staff.MAY_SET)
    with services().db.transaction(g.store.id, write=False) as session:
        if version not in {row.version for row in policy_versions.history(session)}:
            abort(404)
        old = policy_versions.policy_at(session, g.store, version)
    return _save(old)


def _seen() -> int:
    """Say which version the form was made from."""
    return request.form.get("seen", 0, type=int)


def _base() -> Policy:
    """Give the policy a form was made from: one it carries, since it was never saved, or the version it names."""
    if document := request.form.get("document"):
        try:
            return policy_versions.read_file(document)
        except ValueError:  # NotAPolicy and pydantic's: what we wrote into the page was changed on the way
            abort(400)
    with services().db.transaction(g.store.id, write=False) as session:
        return policy_versions.policy_at(session, g.store, _seen())


def _not_a_policy() -> str:
    return words().pgettext("desk", "This file holds no return policy. Choose one that was downloaded here.")


def _document() -> str:
    file = request.files.get("file")
    if file:
        file.seek(0)
    raw = file.read() if file else request.form.get("document", "").encode()
    return raw.decode("utf-8-sig", "replace")


def _save(policy: Policy) -> BaseResponse:
    app = services()
    with app.db.transaction(g.store.id) as session:
        store_by_id(session, g.store.id, lock=True)
        here = policy_versions.policy_of(session, g.store).version
        check_version(session, CurrentPolicy(here))
        policy_versions.save_policy(session, g.store, policy, seen=here, who=staff_name(), now=app.clock())
    return redirect(url_for("desk.edit_policy", key=g.store.key, saved=1))


def _rehearse(candidate: Policy) -> str:
    """Show what a candidate would change, without saving anything."""
    app = services()
    now = app.clock()
    with app.db.transaction(g.store.id, write=False) as session:
        policy = policy_versions.policy_of(session, g.store)
        there, rules = g.store.country, return_settings_of(g.store)
        cases = past_cases(
            session,
            policy,
            candidate,
            store_country=there,
            return_settings=rules,
            has_collections=Feature.COLLECTIONS in features_of(app, g.store),
            now=now,
        )
        found = simulate(policy, candidate, cases, now)
    return show_page(
        "rehearsal",
        found=found,
        changed=sum(tally.lines for tally in found.changes.values()),
        document=_carried(candidate),
        seen=_seen(),
        version=request.form.get(FIELD, ""),
        most=MOST_ORDERS,
        as_of=pack_date(),
    )


def _carried(policy: Policy) -> str:
    """Write a policy that is not saved into a form; "" for one too large for that."""
    document = policy_versions.write_file(policy)
    return document if len(document) <= _MOST_CARRIED else ""


def _print_unsaved() -> str:
    """Print the page to whoever came second with a policy they carried or chose as a file: nothing of it is lost."""
    try:
        return _print(policy=policy_versions.read_file(_document()))
    except ValueError:  # NotAPolicy and pydantic's
        return _print()


def _print(
    problems: Mapping[str, str] = NOTHING, policy: Policy | None = None, typed: Mapping[str, str] = NOTHING
) -> str:
    """Print the page: the policy that holds, or one that is not saved, under the version it was made from."""
    with services().db.transaction(g.store.id, write=False) as session:
        here = policy_versions.policy_of(session, g.store)
        shown = policy or here
        form = {f"wish.{wish}": "" for wish in WISHES} | {"informed": ""} | show_policy(shown)
        is_fresh = policy is None or is_conflict()
        is_merged = policy is None and is_conflict()
        made = document_form(session, CurrentPolicy(here.version), form, is_posted=not is_fresh or is_merged)
        history = policy_versions.history(session)
    is_new = policy is not None and (not typed or "document" in request.form)
    return show_page(
        "policy",
        policy=shown,
        rules=list_rules(shown, words()),
        window=window_words(shown.window, words()),
        form=made.values if is_merged else form,
        typed=typed,
        reasons=reasons_in(form),
        reason_names={key: reason_label(words(), key) for key in reasons_in(form)},
        wishes=WISHES,
        wish_names={wish: wish_label(words(), wish) for wish in WISHES},
        new=NEW,
        seen=here.version if is_fresh else _seen(),
        version=made.version,
        shown=made.shown,
        document=_carried(shown) if is_new else "",
        is_saved=not is_new,
        problems={**made.meanwhile, **problems},
        here=here.version,
        history=history,
        may_set=g.person.role in staff.MAY_SET,
    )
