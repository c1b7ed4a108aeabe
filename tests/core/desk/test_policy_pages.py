"""The return policy at the desk: edited without JSON, rehearsed over the past, carried as a file, taken back."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.policy import policy_versions
from core.returns.policy.policy_document import Policy
from core.returns.requests.lifecycle import SHOPPER
from core.returns.requests.opening import open_return
from core.returns.return_settings import return_settings_of
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import store_by_key
from tests.core.desk.returns_scene import LAMP, REVIEW, ask, fields, has_form, path, said, seat, sell
from tests.core.returns.seed import place, set_policy
from tests.core.shipping.seed import on_sqlite, statements

FINAL = {"name": "Final sale", "when": {"final_sale": True}, "answer": "decline", "objection": "final_sale"}
ASKS = {
    "fee_fixed": 350,
    "label_paid_by": "shopper",
    "questions": [{"key": "where", "words": {"en": "Where?"}, "required": True}],
}
RICH: dict[str, Any] = {
    "rules": [FINAL],
    "otherwise": "accept",
    "reasons": {"damaged": {"photos": 2}, "too_small": ASKS},
    "goods": [{"skus": ["LAMP"], "exemption": "c"}, {"skus": ["MUG"], "final_sale": True}],
    "extensions": [{"placed_from": "2026-11-15", "placed_until": "2026-12-24", "returns_until": "2027-01-31"}],
}


@pytest.fixture
def max_(services: Services, store: Store) -> FlaskClient:
    return seat(services, store, "owner", "max")


def held(services: Services, store: Store) -> Policy:
    with services.db.transaction(store.id, write=False) as session:
        return policy_versions.policy_of(session, store)


def form_of(client: FlaskClient, store: Store) -> dict[str, str]:
    """The policy's form as a browser would send it back untouched."""
    page = client.get(path(store, "returns/policy")).text
    start = page.index(f'action="{path(store, "returns/policy")}"')
    return fields(page[start : page.index("</form>", start)])


def save(client: FlaskClient, store: Store, typed: dict[str, str]) -> TestResponse:
    return client.post(path(store, "returns/policy"), data=typed)


def upload(client: FlaskClient, store: Store, text: str, **more: str) -> TestResponse:
    file = (io.BytesIO(text.encode()), "policy.json")
    return client.post(path(store, "returns/policy/file"), data={"file": file, "seen": "2", **more})


@on_sqlite
def test_the_desk_asks_about_the_notice_and_about_the_button(store: Store, max_: FlaskClient) -> None:
    assert "Your shop tells shoppers of the right of withdrawal" in said(max_.get(path(store, "returns/policy")))
    settings = said(max_.get(path(store, "returns/settings")))
    assert "The button for withdrawals is in your shop, shoppers are told where, and it works" in settings


def test_a_form_sent_back_untouched_changes_nothing_but_the_version(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    before = set_policy(services, store, **RICH)
    assert save(max_, store, form_of(max_, store)).status_code == 302
    assert held(services, store) == before.model_copy(update={"version": 3})


def test_what_a_merchant_types_is_saved_and_what_the_form_does_not_show_stays(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    set_policy(services, store, **RICH)
    typed = form_of(max_, store) | {
        "days": "14",
        "counted_from": "shipping",
        "grace_days": "3",
        "otherwise": "review",
        "refund_when": "arrival",
        "wish.repair": "1",
        "reason.damaged.photos": "1",
        "reason.too_small.fee_fixed": "4,90",
        "reason.too_small.fee_percent": "2.5",
        "reason.+": "gift_twice",
        "reason.+.label_paid_by": "shopper",
        "extensions": "2026-12-01 | 2026-12-24 | 2027-01-15",
        "exemptions": "LAMP | c\nCUP RED | E",
    }
    del typed["wish.store_credit"], typed["informed"]
    assert save(max_, store, typed).status_code == 302
    saved = held(services, store)
    assert (saved.window.days, saved.window.counted_from, saved.window.grace_days) == (14, "shipping", 3)
    assert (saved.otherwise, saved.refund_when, saved.informed) == ("review", "arrival", False)
    assert saved.wishes == ("refund", "exchange", "repair")
    assert set(saved.reasons) == {"damaged", "too_small", "gift_twice"}
    small = saved.reasons["too_small"]
    assert (small.fee_fixed, str(small.fee_percent), small.questions[0].key) == (490, "2.5", "where")
    assert [(one.skus, one.exemption, one.final_sale) for one in saved.goods] == [
        (("LAMP",), "c", False),
        (("CUP RED",), "e", False),
        (("MUG",), "", True),
    ]
    assert [rule.name for rule in saved.rules] == ["Final sale"]
    typed = form_of(max_, store)
    del typed["reason.gift_twice"]
    save(max_, store, typed | {"days": ""})
    assert set(held(services, store).reasons) == {"damaged", "too_small"}
    assert held(services, store).window.days is None


@on_sqlite
@pytest.mark.parametrize(
    ("field", "wrong", "sentence"),
    [
        ("days", "many", "integer"),
        ("grace_days", "-1", "greater than or equal"),
        ("reason.damaged.photos", "99", "less than or equal"),
        ("reason.damaged.fee_fixed", "much", "Give an amount such as 4.90."),
        ("reason.damaged.fee_percent", "200", "less than or equal"),
        ("extensions", "2026-12-24", "needs three days"),
        ("extensions", "2026-12-24 | 2026-12-01 | 2027-01-01", "follow each other"),
        ("exemptions", "LAMP", "needs two parts"),
        ("exemptions", "LAMP | z", "this has not the right form"),
    ],
)
def test_what_cannot_be_saved_is_said_beside_its_field_and_nothing_typed_is_lost(
    services: Services, store: Store, max_: FlaskClient, field: str, wrong: str, sentence: str
) -> None:
    before = set_policy(services, store, **RICH)
    typed = form_of(max_, store) | {"otherwise": "decline", "wish.keep": "1", field: wrong}
    answer = save(max_, store, typed)
    assert answer.status_code == 400
    beside = re.search(rf'<span class="problem" id="problem\.{re.escape(field)}">([^<]*)</span>', answer.text)
    assert beside is not None
    assert sentence.lower() in beside[1].lower()
    start = answer.text.index(f'action="{path(store, "returns/policy")}"')
    assert fields(answer.text[start : answer.text.index("</form>", start)]) == typed
    assert held(services, store) == before


def test_who_saves_over_a_newer_version_is_told_and_keeps_what_was_typed(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    set_policy(services, store, **RICH)
    typed = form_of(max_, store)
    assert save(max_, store, typed | {"days": "20"}).status_code == 302
    late = save(max_, store, typed | {"days": "40"})
    assert late.status_code == 409
    assert "Somebody saved the policy since you opened it." in said(late)
    assert 'value="40"' in late.text
    assert held(services, store).window.days == 20


def test_a_policy_travels_as_a_file(services: Services, store: Store, max_: FlaskClient) -> None:
    before = set_policy(services, store, **RICH)
    file = max_.get(path(store, "returns/policy/file"))
    assert file.headers["Content-Disposition"] == 'attachment; filename="return-policy-2.json"'
    document = json.loads(file.text)
    document["policy"]["window"]["days"] = 60
    assert upload(max_, store, json.dumps(document)).status_code == 302
    assert held(services, store).window.days == 60
    assert held(services, store).rules == before.rules
    assert upload(max_, store, json.dumps(document)).status_code == 409


@on_sqlite
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "This file holds no return policy."),
        ("{}", "This file holds no return policy."),
        ("[" * 5000, "This file holds no return policy."),
        ('{"form": "aftercare return policy", "policy": {"otherwise": "maybe"}}', "otherwise: Input should be"),
        ('{"form": "aftercare return policy", "policy": {"colour": 1}}', "colour: there is no such setting."),
        ('{"form": "aftercare return policy"}', "policy: "),
    ],
)
def test_a_file_that_is_no_policy_is_refused_with_what_is_wrong(
    services: Services, store: Store, max_: FlaskClient, text: str, sentence: str
) -> None:
    before = set_policy(services, store, **RICH)
    answer = upload(max_, store, text)
    assert (answer.status_code, sentence in said(answer)) == (400, True)
    assert held(services, store) == before


def test_an_old_version_is_taken_back_as_the_newest_and_history_says_who(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    first = set_policy(services, store, **RICH)
    save(max_, store, form_of(max_, store) | {"days": "5"})
    restore = path(store, "returns/policy/versions/2/restore")
    assert max_.post(restore, data={"seen": "2"}).status_code == 409
    assert max_.post(restore, data={"seen": "3"}).status_code == 302
    assert held(services, store) == first.model_copy(update={"version": 4})
    assert max_.post(path(store, "returns/policy/versions/9/restore")).status_code == 404
    page = max_.get(path(store, "returns/policy")).text
    rows = re.findall(r"<tr><td>(\d)</td><td>([^<]*)</td><td><bdi>(\w+)</bdi>", page)
    assert [(version, who) for version, _, who in rows] == [("4", "Max"), ("3", "Max"), ("2", "Max")]


@on_sqlite
@pytest.mark.parametrize("role", ["viewer", "agent"])
def test_only_who_may_set_sets_the_policy(services: Services, store: Store, max_: FlaskClient, role: str) -> None:
    before, form = set_policy(services, store, **RICH), form_of(max_, store)
    other = seat(services, store, role, "eve")
    page = other.get(path(store, "returns/policy"))
    assert (page.status_code, has_form(page), "Final sale" in page.text) == (200, False, True)
    assert save(other, store, form).status_code == 403
    assert upload(other, store, "{}").status_code == 403
    assert other.post(path(store, "returns/policy/versions/2/restore"), data={"seen": "2"}).status_code == 403
    assert other.post(path(store, "returns/settings"), data={"answer_days": "1"}).status_code == 403
    assert held(services, store) == before


# The rehearsal.


def test_the_rehearsal_shows_what_would_change_and_saves_only_when_told(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient
) -> None:
    set_policy(services, store, **REVIEW | {"otherwise": "accept"})
    ask(services, store, place(services, store, world, worker), LAMP)  # three days after delivery
    sell(services, store, world, "2", days_ago=20)
    typed = form_of(max_, store) | {"days": "2", "reason.damaged.fee_fixed": "5.00", "rehearse": "1"}
    found = save(max_, store, typed)
    text = said(found)
    assert "4 items would be decided otherwise." in text
    # Of the asked return one lamp; of what nobody returned the mugs beside it, and both lines of the older order.
    assert "Accept → Decline 4 items" in text
    assert "really asked for: 1" in text
    assert "RMA-1001 · €50.00 · today: no objection · then: too late" in text
    assert "declined although the shopper may withdraw by law" in text
    assert held(services, store).version == 2
    start = found.text.index("<main ")
    carried = {name: value for name, value in fields(found.text[start:]).items() if name in ("seen", "document")}
    editing = max_.post(path(store, "returns/policy/file"), data=carried | {"edit": "1"})
    assert "What you see below is not saved yet." in said(editing)
    assert re.search(r'name="days" value="2"', editing.text)
    assert max_.post(path(store, "returns/policy/file"), data=carried).status_code == 302
    assert held(services, store).window.days == 2


def test_an_imported_policy_keeps_its_rules_while_it_is_edited_further(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    set_policy(services, store, **REVIEW)
    document = policy_versions.write_file(Policy(timezone="Europe/Vilnius", currency="EUR", **RICH))
    editing = upload(max_, store, document, edit="1").text
    start = editing.index(f'action="{path(store, "returns/policy")}"')
    typed = fields(editing[start : editing.index("</form>", start)])
    again = save(max_, store, typed | {"days": "many"}).text
    start = again.index(f'action="{path(store, "returns/policy")}"')
    typed = fields(again[start : again.index("</form>", start)])
    assert save(max_, store, typed | {"days": "9"}).status_code == 302
    saved = held(services, store)
    assert (saved.window.days, [rule.name for rule in saved.rules], len(saved.goods)) == (9, ["Final sale"], 2)
    assert save(max_, store, typed | {"document": "{}"}).status_code == 400


def test_goods_that_a_candidate_calls_exempt_are_seen_by_it_alone(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient
) -> None:
    set_policy(services, store, **REVIEW | {"otherwise": "decline"})
    place(services, store, world, worker)
    untouched = said(save(max_, store, form_of(max_, store) | {"rehearse": "1"}))
    assert "declined although the shopper may withdraw by law 2 items · €60.00" in untouched
    exempt = said(save(max_, store, form_of(max_, store) | {"exemptions": "LAMP | c", "rehearse": "1"}))
    assert "declined although the shopper may withdraw by law 1 item · €10.00" in exempt


def test_a_return_is_judged_by_what_was_known_when_it_was_asked_for(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient
) -> None:
    """Ann asked a day before the delivery, which nobody knew of then; the mugs she kept are judged by today."""
    set_policy(services, store, **REVIEW | {"otherwise": "accept"})
    order_id = place(services, store, world, worker)
    with services.db.transaction(store.id) as session:
        early = services.clock() - timedelta(days=4)
        open_return(session, store, order_id, LAMP, SHOPPER, now=early)
    text = said(save(max_, store, form_of(max_, store) | {"days": "0", "rehearse": "1"}))
    assert "Accept → A person decides 1 item · €50.00 · really asked for: 1" in text
    assert "today: no objection · then: delivery unknown" in text
    assert "Accept → Decline 1 item · €10.00 · really asked for: 0" in text


@on_sqlite
def test_a_rehearsal_reads_in_batches(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient
) -> None:
    set_policy(services, store, **REVIEW)
    typed = form_of(max_, store) | {"rehearse": "1"}

    def asked() -> int:
        with statements(services.db) as sent:
            assert save(max_, store, typed).status_code == 200
        return len([text for text in sent if text.lstrip().upper().startswith("SELECT")])

    place(services, store, world, worker)
    few = asked()
    for ref in range(2, 40):
        ask(services, store, sell(services, store, world, str(ref)))
    assert asked() == few <= 15


@on_sqlite
def test_how_returns_are_handled_is_saved_with_its_limits(services: Services, store: Store, max_: FlaskClient) -> None:
    page = path(store, "returns/settings")
    typed = fields(max_.get(page).text) | {
        "send_to": "Max's Mugs\n1 Linden Street\n\n01103 Vilnius",
        "answer_days": "3",
        "agent_limit": "75,50",
    }
    del typed["restock"]
    assert max_.post(page, data=typed).status_code == 302
    said_ = return_settings_of(store_by_key(services, store.key))
    assert said_.send_to == ("Max's Mugs", "1 Linden Street", "01103 Vilnius")
    assert (said_.answer_days, said_.agent_limit, said_.restock, said_.through_gateway) == (3, 7550, False, True)
    assert max_.post(page, data=typed).status_code == 409, "somebody saved since"
    typed = fields(max_.get(page).text)
    for field, wrong in (("answer_days", "soon"), ("refund_days", "400"), ("agent_limit", "-5")):
        answer = max_.post(page, data=typed | {field: wrong})
        assert (answer.status_code, f'id="problem.{field}"' in answer.text) == (400, True), field
        assert fields(answer.text)[field] == wrong
    assert max_.post(page, data=typed | {"agent_limit": ""}).status_code == 302
    assert return_settings_of(store_by_key(services, store.key)).agent_limit is None
