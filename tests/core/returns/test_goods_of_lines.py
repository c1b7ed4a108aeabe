"""The policy knows goods by the tags and collections the store gives them, and an exchange knows the variant bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.orders.model import LineItem
from core.platform.contract import Feature
from core.platform.errors import Unavailable
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.platform.snapshots import LineItemSnapshot
from core.returns.policy.policy_document import Goods, Policy, PolicyRule, When
from core.returns.simulation.policy_history import past_cases
from core.returns.simulation.simulate import simulate
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.returns.seed import ACCEPTS, MUGS, POST, at, bought, place, set_policy
from tests.core.returns.visit import Visit

CLEARANCE = LineItemSnapshot("l2", "Lamp", 1, total=5000, product_ref="p2", variant_ref="p2-large", tags=("Clearance",))
BY_TAG = PolicyRule(name="clearance", when=When(tags=("clearance",)), answer="decline", objection="product_excluded")
BY_COLLECTION = PolicyRule(
    name="summer", when=When(collections=("summer sale",)), answer="decline", objection="product_excluded"
)
LAMP_BACK = {"ref": "l2", "quantity": 1, "reason": "too_small", "wish": "refund"}


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    set_policy(services, store, **ACCEPTS)
    order = bought(lines=(MUGS, CLEARANCE, POST))
    return Visit(client, services, store, place(services, store, world, worker, order))


def answer_of(visit: Visit, line: str = "l2") -> str:
    lines = visit.see(f"returns/options?order={visit.order_id}")["lines"]
    return str(next(one["answer"] for one in lines if one["ref"] == line))


def test_an_order_s_line_keeps_its_variant_and_its_tags(visit: Visit, services: Services, store: Store) -> None:
    with at(services, store) as session:
        rows = session.scalars(sa.select(LineItem).order_by(LineItem.place)).all()
        kept = [(row.variant_ref, row.tags) for row in rows]
    assert kept == [("", []), ("p2-large", ["Clearance"]), ("", [])]


def test_tags_that_change_at_the_store_change_here(
    visit: Visit, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    with at(services, store) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:1", {"ref": "1"}), now=services.clock())
    place(
        services,
        store,
        world,
        worker,
        bought(lines=(MUGS, replace(CLEARANCE, tags=("new",)), POST), updated_at=clock() + timedelta(hours=1)),
    )
    with at(services, store) as session:
        assert session.scalars(sa.select(LineItem.tags).where(LineItem.ref == "l2")).one() == ["new"]


def test_a_rule_names_goods_by_the_store_s_own_tag_in_any_case(visit: Visit) -> None:
    assert answer_of(visit) == "accept"
    set_policy(visit.services, visit.store, **ACCEPTS | {"rules": (BY_TAG,)})
    assert (answer_of(visit), answer_of(visit, "l1")) == ("decline", "accept")


def test_tags_of_the_store_and_of_the_policy_add_up(visit: Visit) -> None:
    goods = (Goods(products=("p2",), tags=("heavy",)), Goods(products=("p1",), tags=("clearance",)))
    set_policy(visit.services, visit.store, **ACCEPTS | {"rules": (BY_TAG,), "goods": goods})
    assert (answer_of(visit), answer_of(visit, "l1")) == ("decline", "decline")


def test_a_rehearsal_knows_the_tags(visit: Visit, services: Services, store: Store) -> None:
    assert rehearsed(services, store, BY_TAG) == {("accept", "decline"): 1}


def rehearsed(
    services: Services, store: Store, rule: PolicyRule, *goods: Goods, has_collections: bool = True
) -> dict[tuple[str, str], int]:
    """How many lines a rule put before today's policy would decide otherwise, by (today, then)."""
    terms = {"timezone": store.timezone, "currency": store.currency, **ACCEPTS, "goods": goods}
    before, after = Policy(**terms), Policy(**terms | {"rules": (rule,)})
    with at(services, store) as session:
        cases = past_cases(session, before, after, has_collections=has_collections, now=services.clock())
        seen = simulate(before, after, cases, services.clock())
    return {(str(one), str(two)): tally.lines for (one, two), tally in seen.changes.items()}


def test_the_variant_bought_is_offered_first_by_its_ref(visit: Visit, world: World) -> None:
    for variant in ("p2-small", "p2-large", "p2-huge"):
        world.shelve(variant, 5000, product="p2", title=variant[3:], stock=3)
    asked = visit.see(f"returns/variants?order={visit.order_id}&line=l2")
    assert [one["label"].split(" · ")[0] for one in asked["variants"]] == ["large", "small", "huge"]


# Collections are asked of the platform, and only where the policy names one.


class Silent(Demo):
    """A sample store that does not say where its goods are."""

    def collections_of(self, products: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Be away."""
        raise Unavailable("no answer within 8 seconds")


class Simple(Demo):
    """A sample store whose goods are in no collections that anybody could ask about."""

    features = Demo.features - {Feature.COLLECTIONS}


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> type[Demo]:
    return getattr(request, "param", Demo)


@pytest.fixture
def services(services: Services, platform: type[Demo]) -> Services:
    return replace(services, platforms=Registry({"demo": platform}))


def test_a_rule_names_goods_by_the_store_s_own_collection(visit: Visit, world: World) -> None:
    world.collect("p2", "Summer Sale", "c-17")
    set_policy(visit.services, visit.store, **ACCEPTS | {"rules": (BY_COLLECTION,)})
    assert (answer_of(visit), answer_of(visit, "l1")) == ("decline", "accept")
    assert visit.see("returns/quote", visit.asking(LAMP_BACK))["answer"] == "decline"
    assert visit.ask("returns", visit.asking(LAMP_BACK), act=True).status_code == 409
    world.collect("p2", "Winter")
    assert answer_of(visit) == "accept"
    assert visit.act("returns", visit.asking(LAMP_BACK))["status"] == "approved"


@pytest.mark.parametrize("platform", [Silent, Simple], indirect=True)
def test_where_nobody_can_say_the_collections_a_person_decides(visit: Visit, world: World) -> None:
    world.collect("p2", "Summer Sale")
    set_policy(visit.services, visit.store, **ACCEPTS | {"rules": (BY_COLLECTION,)})
    assert (answer_of(visit), answer_of(visit, "l1")) == ("review", "review")
    assert visit.see("returns/quote", visit.asking(LAMP_BACK))["answer"] == "review"
    assert visit.act("returns", visit.asking(LAMP_BACK))["status"] == "requested"


@pytest.mark.parametrize("platform", [Silent], indirect=True)
def test_a_policy_that_names_no_collection_asks_for_none(visit: Visit) -> None:
    set_policy(visit.services, visit.store, **ACCEPTS | {"rules": (BY_TAG,)})
    assert (answer_of(visit), answer_of(visit, "l1")) == ("decline", "accept")


@pytest.mark.parametrize("platform", [Simple], indirect=True)
def test_the_policy_s_own_list_of_goods_is_enough_where_the_store_has_no_collections(visit: Visit) -> None:
    goods = (
        Goods(products=("p2",), collections=("summer sale",)),
        Goods(products=("p1",), collections=("kitchen",)),
    )
    set_policy(visit.services, visit.store, **ACCEPTS | {"rules": (BY_COLLECTION,), "goods": goods})
    assert (answer_of(visit), answer_of(visit, "l1")) == ("decline", "accept")


def test_a_rehearsal_leaves_to_a_person_what_only_the_store_knows(
    visit: Visit, services: Services, store: Store, world: World
) -> None:
    world.collect("p2", "Summer Sale")
    assert rehearsed(services, store, BY_COLLECTION) == {("accept", "review"): 2}


KITCHEN = (
    Goods(products=("p2",), collections=("summer sale",)),
    Goods(products=("p1",), collections=("kitchen",)),
)


@pytest.mark.parametrize("platform", [Silent], indirect=True)
def test_the_policy_s_own_list_is_not_enough_where_the_store_has_collections_and_is_silent(visit: Visit) -> None:
    set_policy(visit.services, visit.store, **ACCEPTS | {"rules": (BY_COLLECTION,), "goods": KITCHEN})
    assert (answer_of(visit), answer_of(visit, "l1")) == ("decline", "review")
    mug = {"ref": "l1", "quantity": 1, "reason": "too_small", "wish": "refund"}
    assert visit.act("returns", visit.asking(mug))["status"] == "requested"


@pytest.mark.parametrize(
    ("has_collections", "changes"),
    [(True, {("accept", "decline"): 1, ("accept", "review"): 1}), (False, {("accept", "decline"): 1})],
)
def test_a_rehearsal_takes_the_policy_s_own_list_for_all_only_where_the_store_has_no_collections(
    visit: Visit, services: Services, store: Store, has_collections: bool, changes: dict[tuple[str, str], int]
) -> None:
    assert rehearsed(services, store, BY_COLLECTION, *KITCHEN, has_collections=has_collections) == changes
