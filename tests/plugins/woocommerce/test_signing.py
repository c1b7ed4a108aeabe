"""WooCommerce's signature over recorded bytes, and ours over requests the WordPress plugin forwards."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.platform.contract import Request, Shopper, StaffIdentity
from core.platform.errors import BadSignature
from plugins.woocommerce import signing

FIXTURES = Path(__file__).parent / "fixtures"
SECRET = "a secret both sides know"
NOW = 1_795_284_600.0
MAX = {"ref": "1", "name": "Max", "email": "max@store.example", "language": "de"}
ANN = {"ref": "7", "email": "ann@shopper.example", "order_refs": ["17", "18"], "language": "de"}


def claims(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def forwarded(secret: str = SECRET, **changes: str) -> Request:
    """A request as our plugin forwards it, signed here by hand from the words of the agreement."""
    headers = {
        "x-aftercare-store": "abcdefgh12345678",
        "x-aftercare-time": str(int(NOW)),
        "x-aftercare-nonce": "n-1",
        "x-aftercare-staff": claims(MAX),
        **{f"x-aftercare-{name}": value for name, value in changes.items()},
    }
    body = b'{"note":"hi"}'
    lines = ["POST", "/admin/returns?page=2", *(headers[f"x-aftercare-{n}"] for n in ("time", "nonce", "staff"))]
    lines.append(hashlib.sha256(body).hexdigest())
    if "x-aftercare-shopper" in headers:
        lines.append(headers["x-aftercare-shopper"])
    signature = hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    return Request("POST", "/admin/returns", "page=2", {**headers, "x-aftercare-signature": signature}, body)


def with_header(request: Request, name: str, value: str) -> Request:
    return replace(request, headers={**request.headers, name: value})


def test_a_webhook_signature_is_base64_of_sha256_over_the_raw_bytes() -> None:
    body = (FIXTURES / "order.created__guest.json").read_bytes()
    right = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    request = Request("POST", "/hooks/woocommerce/x", headers={"x-wc-webhook-signature": right}, body=body)
    signing.verify_webhook(request, SECRET)
    with pytest.raises(BadSignature):
        signing.verify_webhook(replace(request, body=body.replace(b"/", rb"\/")), SECRET)


@pytest.mark.parametrize("claimed", ["", "wrong", "ünicode", "\udcff"])
def test_a_webhook_with_another_signature_is_refused(claimed: str) -> None:
    request = Request("POST", "/", headers={"x-wc-webhook-signature": claimed}, body=b"{}")
    with pytest.raises(BadSignature):
        signing.verify_webhook(request, SECRET)


def test_no_secret_verifies_nothing() -> None:
    request = Request("POST", "/", headers={"x-wc-webhook-signature": signing.sign_webhook("", b"{}")}, body=b"{}")
    with pytest.raises(BadSignature):
        signing.verify_webhook(request, "")
    with pytest.raises(BadSignature):
        signing.verify_forwarded(forwarded(secret=""), "", now=NOW)


def test_a_forwarded_request_names_staff_and_its_nonce() -> None:
    request = forwarded()
    signing.verify_forwarded(request, SECRET, now=NOW)
    assert signing.staff_of(request) == StaffIdentity("1", "Max", "max@store.example", "de")
    assert signing.nonce_of(request) == "n-1"


def test_a_forwarded_request_may_name_a_shopper_in_one_more_signed_line() -> None:
    request = forwarded(shopper=claims(ANN), staff="")
    signing.verify_forwarded(request, SECRET, now=NOW)
    assert signing.shopper_of(request) == Shopper("7", "ann@shopper.example", ("17", "18"), "de")


@pytest.mark.parametrize(
    "tampered",
    [
        replace(forwarded(), method="GET"),
        replace(forwarded(), path="/admin/reviews"),
        replace(forwarded(), query="page=3"),
        replace(forwarded(), body=b"{}"),
        with_header(forwarded(), "x-aftercare-nonce", "n-2"),
        with_header(forwarded(), "x-aftercare-nonce", ""),
        with_header(forwarded(), "x-aftercare-time", str(int(NOW) + 1)),
        with_header(forwarded(), "x-aftercare-staff", claims({"ref": "2"})),
        with_header(forwarded(), "x-aftercare-shopper", claims(ANN)),
        with_header(forwarded(shopper=claims(ANN)), "x-aftercare-shopper", ""),
        with_header(forwarded(), "x-aftercare-signature", ""),
        forwarded(secret="Eve's own"),
    ],
)
def test_anything_changed_on_the_way_breaks_the_signature(tampered: Request) -> None:
    with pytest.raises(BadSignature):
        signing.verify_forwarded(tampered, SECRET, now=NOW)


@pytest.mark.parametrize("late", [-61, 61, 3600])
def test_a_forwarded_request_lives_a_minute(late: int) -> None:
    signing.verify_forwarded(forwarded(), SECRET, now=NOW + late / abs(late) * 60)
    with pytest.raises(BadSignature):
        signing.verify_forwarded(forwarded(), SECRET, now=NOW + late)


@pytest.mark.parametrize("moment", ["", "soon", "-1", "²", "9" * 400])
def test_a_time_that_is_none_is_refused(moment: str) -> None:
    with pytest.raises(BadSignature):
        signing.verify_forwarded(forwarded(time=moment), SECRET, now=NOW)


@pytest.mark.parametrize(
    "value", ["", "%%%", claims([]), claims({"ref": ""}), claims("1"), base64.b64encode(b"\xff").decode()]
)
def test_claims_that_name_nobody_are_refused(value: str) -> None:
    request = forwarded(staff=value, shopper=value)
    with pytest.raises(BadSignature):
        signing.staff_of(request)
    with pytest.raises(BadSignature):
        signing.shopper_of(request)
