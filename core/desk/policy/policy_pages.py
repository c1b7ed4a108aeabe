"""The return policy at the desk: read, edited, rehearsed, saved, carried as a file, taken back to an old version."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flask import Response, abort, g, redirect, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page, staff_name
from core.desk.policy.policy_form import NEW, WISHES, current_form, read_policy, reasons_in, show_policy
from core.desk.policy.rule_sentences import list_rules, window_words
from core.desk.settings.terms_form import BadTerms
from core.http.context import services, words
from core.platform.contract import Feature
from core.returns.law.withdrawal_law import pack_date
from core.returns.policy import policy_versions
from core.returns.policy.policy_document import Policy, explain
from core.returns.policy.policy_versions import NotAPolicy, PolicyChanged
from core.returns.presenter.display_names import reason_label, wish_label
from core.returns.return_settings import return_settings_of
from core.returns.simulation.policy_history import MOST_ORDERS, past_cases
from core.returns.simulation.simulate import simulate
from core.stores import staff
from core.stores.connection.features import features_of

_MOST_CARRIED = 150_000
"""Characters of a candidate that a rehearsal carries in its form; a form holds 200,000 in all."""


@desk.get("/<key>/returns/policy")
def edit_policy(key: str) -> str:
    """The policy that holds: its rules, its common terms as a form, its file and its history."""
    return _print()


@desk.post("/<key>/returns/policy")
def save_policy(key: str) -> BaseResponse | str | tuple[str, int]:
    """Save the form, or rehearse it; what cannot be saved is shown again as typed."""
    staff.require(g.person, staff.MAY_SET)
    base, form = _base(), current_form(request.form)
    try:
        candidate = read_policy(form, base, words())
    except BadTerms as error:
        return _print(error.problems, base, typed=form), 400
    return _rehearse(candidate) if "rehearse" in request.form else _save(candidate)


@desk.get("/<key>/returns/policy/file")
def export_policy(key: str) -> Response:
    """The policy as a file that can be imported again, here or in another store."""
    with services().db.transaction(g.store.id, write=False) as session:
        policy = policy_versions.policy_of(session, g.store)
    headers = {"Content-Disposition": f'attachment; filename="return-policy-{policy.version}.json"'}
    return Response(policy_versions.write_file(policy), mimetype="application/json", headers=headers)


@desk.post("/<key>/returns/policy/file")
def import_policy(key: str) -> BaseResponse | str | tuple[str, int]:
    """Take a policy from a file, or from a rehearsal that carries it: save, rehearse, or go on editing it."""
    staff.require(g.person, staff.MAY_SET)
    try:
        candidate = policy_versions.read_file(_document())
    except NotAPolicy:
        return _print({"file": _not_a_policy()}), 400
    except ValidationError as error:
        return _print({"file": "\n".join(explain(error)[:20])}), 400
    if "rehearse" in request.form:
        return _rehearse(candidate)
    if "edit" in request.form:
        return _print(policy=candidate)
    return _save(candidate)


@desk.post("/<key>/returns/policy/versions/<int:version>/restore")
def restore_policy(key: str, version: int) -> BaseResponse | tuple[str, int]:
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
    raw = file.read() if file else request.form.get("document", "").encode()
    return raw.decode("utf-8-sig", "replace")


def _save(policy: Policy) -> BaseResponse | tuple[str, int]:
    app = services()
    try:
        with app.db.transaction(g.store.id) as session:
            policy_versions.save_policy(session, g.store, policy, seen=_seen(), who=staff_name(), now=app.clock())
    except PolicyChanged:
        say = words().pgettext
        problem = say("desk", "Somebody saved the policy since you opened it. What you see below is not saved.")
        return _print({"": problem}, policy), 409
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
        most=MOST_ORDERS,
        as_of=pack_date(),
    )


def _carried(policy: Policy) -> str:
    """Write a policy that is not saved into a form; "" for one too large for that."""
    document = policy_versions.write_file(policy)
    return document if len(document) <= _MOST_CARRIED else ""


def _print(
    problems: Mapping[str, str] | None = None,
    policy: Policy | None = None,
    typed: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Print the page: the policy that holds, or one that is not saved, under the version it was made from."""
    with services().db.transaction(g.store.id, write=False) as session:
        here = policy_versions.policy_of(session, g.store)
        history = policy_versions.history(session)
    shown, found, seen = policy or here, problems or {}, _seen() if policy else here.version
    is_new = policy is not None and (not typed or "document" in request.form)
    form = show_policy(shown)
    return show_page(
        "policy",
        policy=shown,
        rules=list_rules(shown, words()),
        window=window_words(shown.window, words()),
        form=form,
        typed=typed,
        reasons=reasons_in(form),
        reason_names={key: reason_label(words(), key) for key in reasons_in(form)},
        wishes=WISHES,
        wish_names={wish: wish_label(words(), wish) for wish in WISHES},
        new=NEW,
        seen=seen,
        document=_carried(shown) if is_new else "",
        is_saved=not is_new,
        problems=found,
        elsewhere=[said for field, said in found.items() if field not in {*form, "", "wishes", "file"}],
        here=here.version,
        history=history,
        may_set=g.person.role in staff.MAY_SET,
    )
