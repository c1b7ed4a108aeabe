"""Keys, signatures and the consent page that hands keys over."""

import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from woocommerce import API

from tests.stores.woocommerce import Store, serving
from tests.stores.woocommerce.auth import Caller, Key, authenticate
from tests.stores.woocommerce.bench import NOON, connect, place, sign
from tests.stores.woocommerce.errors import RestError
from tests.stores.woocommerce.php import load_recorded
from tests.stores.woocommerce.receiver import receiving


def test_the_real_client_signs_filters_that_this_store_accepts(store: Store, api: API) -> None:
    place(store)
    params = {"search": "ann@shopper.example", "status": "processing,completed", "_fields": "id,number"}
    assert api.get("orders", params=params).json() == [{"id": 17, "number": "17"}]


def test_the_real_client_cannot_sign_a_list_over_http(store: Store, api: API) -> None:
    place(store)
    assert api.get("orders", params={"include": [17, 18]}).status_code == 401


def test_strangers_are_told_apart_as_recorded(store: Store) -> None:
    url, key = f"{store.url}/wp-json/wc/v3/orders", store.add_key()
    anonymous = requests.get(url, timeout=30)
    basic = requests.get(url, auth=(key.key, key.secret), timeout=30)
    assert anonymous.json() == load_recorded("rest.errors__no_auth")
    assert basic.json() == load_recorded("rest.errors__basic_over_http")
    assert (anonymous.status_code, basic.status_code) == (401, 401)
    reading = connect(store, "read").post("webhooks", {"topic": "order.created"})
    assert (reading.status_code, reading.json()) == (401, load_recorded("rest.errors__read_key_writing"))
    writing = connect(store, "write").get("orders")
    assert (writing.status_code, writing.json()) == (401, load_recorded("rest.errors__write_key_reading"))
    plugin = requests.post(f"{store.url}/wp-json/wc-aftercare/v1/connection", timeout=30)
    assert (plugin.status_code, plugin.json()) == (401, load_recorded("rest.errors__plugin_no_auth"))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({}, None),
        ({"oauth_signature_method": "HMAC-SHA1"}, None),
        ({"oauth_signature_method": "PLAIN"}, "Invalid signature - signature method is invalid."),
        ({"oauth_timestamp": "1"}, "Invalid timestamp."),
        ({"oauth_nonce": ""}, "Missing OAuth parameter oauth_nonce"),
        ({"oauth_consumer_key": "ck_other"}, "Consumer key is invalid."),
    ],
)
def test_an_oauth_signature_is_checked_part_by_part(query: dict[str, str], sentence: str | None) -> None:
    key, url, now = Key(1, "read_write"), "http://store.example/wp-json/wc/v3/orders", NOON.timestamp()
    plain = query.get("oauth_signature_method") == "PLAIN"
    signed = {**sign(key, "GET", url, now), **query} if plain else sign(key, "GET", url, now, **query)
    caller = Caller("GET", url, signed, "", is_ssl=False)
    if sentence is None:
        assert authenticate([key], caller, now) is key
        return
    with pytest.raises(RestError, match=re.escape(sentence)):
        authenticate([key], caller, now)


def test_a_changed_parameter_or_a_repeated_nonce_is_refused() -> None:
    key, url, now = Key(1, "read_write"), "http://store.example/wp-json/wc/v3/orders", NOON.timestamp()
    signed = sign(key, "GET", url, now, per_page="10")
    with pytest.raises(RestError, match="provided signature does not match"):
        authenticate([key], Caller("GET", url, {**signed, "per_page": "100"}, "", is_ssl=False), now)
    assert authenticate([key], Caller("GET", url, signed, "", is_ssl=False), now) is key
    with pytest.raises(RestError, match="nonce has already been used"):
        authenticate([key], Caller("GET", url, signed, "", is_ssl=False), now)


def test_over_https_basic_and_query_work_and_the_query_wins(tmp_path: Path) -> None:
    context, authority = make_certificate(tmp_path)
    store = Store()
    with serving(store, context=context) as url:
        key = store.add_key()
        orders = f"{url}/wp-json/wc/v3/orders"
        assert API(url, key.key, key.secret, verify_ssl=authority).get("orders").json() == []
        wrong = requests.get(orders, auth=(key.key, "cs_wrong"), verify=authority, timeout=30)
        assert (wrong.status_code, wrong.json()) == (401, load_recorded("rest.errors__bad_secret"))
        unknown = requests.get(orders, auth=("ck_other", "cs_wrong"), verify=authority, timeout=30)
        assert unknown.json() == load_recorded("rest.errors__unknown_key")
        query = {"consumer_key": key.key, "consumer_secret": key.secret}
        both = requests.get(orders, params=query, auth=(key.key, "cs_wrong"), verify=authority, timeout=30)
        assert both.status_code == 200


def make_certificate(folder: Path) -> tuple[ssl.SSLContext, str]:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store.example")])
    now = datetime.now(UTC)
    address = x509.IPAddress(IPv4Address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, secret.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(secret, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    chain, keyfile = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    keyfile.write_bytes(secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, keyfile)
    return context, str(chain)


def consent(store: Store, callback_url: str, **changes: str) -> requests.Response:
    asked = {"app_name": "Aftercare", "scope": "read_write", "user_id": "one-time-state"}
    asked |= {"return_url": "http://127.0.0.1:1/done", "callback_url": callback_url, **changes}
    return requests.get(f"{store.url}/wc-auth/v1/authorize", params=asked, timeout=30)


def approve(page: requests.Response) -> requests.Response:
    (link,) = re.findall(r'class="wc-auth-approve" href="([^"]+)"', page.text)
    return requests.get(link.replace("&amp;", "&"), allow_redirects=False, timeout=30)


def test_approving_hands_over_a_working_key_and_goes_back(store: Store) -> None:
    with receiving() as receiver:
        back = approve(consent(store, f"{receiver.url}/callback"))
        ((_, headers, body),) = receiver.taken
    recorded = load_recorded("wc_auth__callback")
    handed = json.loads(body)
    assert handed.keys() == recorded.keys()
    assert (handed["user_id"], handed["key_permissions"]) == ("one-time-state", "read_write")
    assert headers["Content-Type"] == load_recorded("wc_auth__callback.headers")["Content-Type"]
    assert (back.status_code, back.headers["Location"]) == (
        302,
        "http://127.0.0.1:1/done?success=1&user_id=one-time-state",
    )
    assert API(store.url, handed["consumer_key"], handed["consumer_secret"]).get("orders").status_code == 200


def test_a_callback_that_does_not_answer_200_gets_no_key(store: Store) -> None:
    with receiving(status=204) as receiver:
        refused = approve(consent(store, receiver.url))
    assert refused.status_code == 401
    assert store.keys == {}


def test_consent_needs_every_parameter_a_known_scope_and_https(store: Store) -> None:
    assert "Missing parameter user_id" in consent(store, "https://app.example", user_id="").text
    assert "Invalid scope admin" in consent(store, "https://app.example", scope="admin").text
    store.loopback = False
    refused = consent(store, "http://app.example/callback")
    assert (refused.status_code, "The callback_url needs to be over SSL" in refused.text) == (401, True)
