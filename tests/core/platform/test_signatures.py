"""What platforms sign: published vectors hold, and nothing a stranger sends gets through or raises anything else."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.platform import signatures
from core.platform.errors import BadSignature

SECRET = "a secret of thirty-two characters"
NOW = 1_790_000_000.0
VECTOR_SECRET = "test_client_secret_0123456789"
SEALED = (
    "AAECAwQFBgcICQoLDA0ODyk2WQ-zigPUbAFWkDL503qywmFA5dKxLPuXnse6iSiNmdWmrlbjm6Esr6hhUSIofuOAsTlYqLrScmQvoBa2y_ZW"
    "mALUU-CJ9UXRTMWir2w_Zkc0ZKc6qD0a5-M1joi6vUTCtYQkwbA9JC9OhNFgy-s="
)
"""The crypto vector of Ecwid's documented payload (AES-128-CBC, key of the secret's first 16 bytes)."""


def test_a_message_is_signed_as_in_ecwids_published_vector() -> None:
    signed = signatures.sign("test_client_secret", b"1234567.80aece08-40e8-4145-8764-6c2f0d38678")
    assert signed == "ekmGPQc/IpCwO6woAiM+L8uvY6chew4n6JVQCiDrEVw="


def test_any_of_several_secrets_may_have_signed() -> None:
    given_ = signatures.sign("old", b"body")
    signatures.require_signed(b"body", given_, ["new", "old"])
    for secrets in (["new"], [], [""], ["new", ""]):
        with pytest.raises(BadSignature):
            signatures.require_signed(b"body", given_, secrets)


def test_an_empty_secret_signs_nothing() -> None:
    with pytest.raises(BadSignature):
        signatures.require_signed(b"body", signatures.sign("", b"body"), [""])


@pytest.mark.parametrize("encoded", [False, True])
def test_a_launch_is_signed_as_in_shopifys_published_vector(encoded: bool) -> None:
    query = "code=0907a61c0c8d55e99db179b68161bc00&hmac=x&shop=some-shop.myshopify.com&timestamp=1337178173"
    message = signatures.sorted_pairs(query, without=("hmac", "signature"), encoded=encoded)
    right = "4712bf92ffc2917d15a2f5a273e39f0116667419aa4b6ac0b3baaf26fa3c4d20"
    assert signatures.sign("hush", message, "hex") == right


def test_the_two_written_forms_of_a_query_differ_where_a_value_is_not_plain() -> None:
    query = "host=YWJj%3D%3D&note=a+b~c"
    assert signatures.sorted_pairs(query) == b"host=YWJj==&note=a b~c"
    assert signatures.sorted_pairs(query, encoded=True) == b"host=YWJj%3D%3D&note=a%20b%7Ec"


@pytest.mark.parametrize(
    ("customer", "extra", "right"),
    [
        ("1", "&signature=zz", "4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb"),
        ("", "", "e072b6d7e6622d85912a5214b860d3100dc1e73d9bc29f43796ac8c9ff8093cb"),
    ],
)
def test_a_storefront_proxy_signs_as_in_shopifys_published_vectors(customer: str, extra: str, right: str) -> None:
    query = (
        f"extra=1&extra=2&shop=shop-name.myshopify.com&logged_in_customer_id={customer}"
        f"&path_prefix=%2Fapps%2Fawesome_reviews&timestamp=1317327555{extra}"
    )
    message = signatures.merged_pairs(query, without=("signature",), once=("logged_in_customer_id",))
    assert signatures.sign("hush", message, "hex") == right


def test_a_name_that_may_stand_once_is_refused_twice() -> None:
    with pytest.raises(BadSignature, match="twice"):
        signatures.merged_pairs("logged_in_customer_id=1&logged_in_customer_id=2", once=("logged_in_customer_id",))


def token(key: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    told = {"aud": "app", "exp": NOW + 60, "sub": "7"} | claims
    return jwt.encode({name: value for name, value in told.items() if value is not None}, key, algorithm=algorithm)


def read(text: str, secrets: tuple[str, ...] = (SECRET,), audience: str = "app") -> Any:
    return signatures.read_token(text, secrets, audience=audience, now=NOW)


def test_a_session_token_gives_its_claims() -> None:
    assert read(token())["sub"] == "7"
    assert read(token(), ("another secret of the same length!", SECRET))["sub"] == "7"
    assert read(token(exp=NOW - 9, nbf=NOW + 9))["sub"] == "7"  # clocks differ a little


@pytest.mark.parametrize(
    "bad",
    [
        token(exp=None),
        token(exp=NOW - 11),
        token(exp="soon"),
        token(exp=True),
        token(nbf=NOW + 11),
        token(aud="another app"),
        token(aud=None),
        token(aud=["app"]),
        token("another secret of the same length!"),
        token("k" * 64, algorithm="HS512"),
        token("", algorithm="none"),
        token()[:-2],
        "a.b.c",
        "\ud800",
        "",
    ],
)
def test_a_session_token_that_is_not_ours_or_not_valid_now_is_refused(bad: str) -> None:
    with pytest.raises(BadSignature):
        read(bad)


def test_no_app_is_nobodys_audience() -> None:
    with pytest.raises(BadSignature):
        read(token(aud=""), audience="")
    with pytest.raises(BadSignature):
        read(token(), ("",))


@pytest.mark.parametrize("text", [SEALED, SEALED.rstrip("=")])
def test_a_sealed_payload_opens_padded_or_not(text: str) -> None:
    payload = signatures.open_payload(text, VECTOR_SECRET)
    assert (payload["store_id"], payload["lang"], payload["view_mode"]) == (1003, "en", "PAGE")


@pytest.mark.parametrize("secret", ["another_secret_0123456789", "short", ""])
def test_a_payload_sealed_with_another_secret_does_not_open(secret: str) -> None:
    with pytest.raises(BadSignature):
        signatures.open_payload(SEALED, secret)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()) | st.just(json.dumps({})))
def test_whatever_is_sent_is_refused_and_raises_nothing_else(text: str) -> None:
    for check in (
        lambda: signatures.open_payload(text, VECTOR_SECRET),
        lambda: read(text),
        lambda: signatures.require_signed(b"", text, [SECRET]),
    ):
        with pytest.raises(BadSignature):
            check()
    try:
        signatures.merged_pairs(text, once=("a",))
        signatures.sorted_pairs(text, encoded=True)
    except BadSignature:
        pass
