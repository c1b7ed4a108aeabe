import gzip
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from core.platform.errors import AccessLost, NothingDone, Refused, Unavailable
from core.platform.http import Blocked, check, is_public, only_reading, open_session, read_json

JSON = {"Content-Type": "application/json; charset=UTF-8"}


@dataclass
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    pause: float = 0
    """Seconds before the answer, and between its bytes where it drips."""
    drips: bool = False
    cut: int = 0
    """How many bytes the answer promises and does not send."""


@dataclass
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Shop(ThreadingHTTPServer):
    """A store's server: gives the scripted answers for a path in turn, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: dict[str, list[Answer]] = {}
        self.asked: list[Asked] = []
        self.connections = 0

    def on(self, path: str, *answers: Answer) -> str:
        self.script[path] = list(answers)
        return f"http://127.0.0.1:{self.server_port}{path}"

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the caller hung up, which some tests want


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Shop

    def answer(self) -> None:
        path = self.path.partition("?")[0]
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers.items()), sent))
        answers = self.server.script[path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        time.sleep(answer.pause)
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + answer.cut))
        self.end_headers()
        if self.command != "HEAD":
            self.write(answer)
        self.close_connection = self.close_connection or answer.cut > 0

    def write(self, answer: Answer) -> None:
        if not answer.drips:
            self.wfile.write(answer.body)
            return
        for byte in answer.body:
            self.wfile.write(bytes([byte]))
            time.sleep(answer.pause)

    do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def opened() -> Iterator[Shop]:
    with Shop() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def shop() -> Iterator[Shop]:
    with opened() as server:
        yield server


def allow(*shops: Shop, **options: Any) -> requests.Session:
    return open_session(allow=frozenset(f"127.0.0.1:{one.server_port}" for one in shops), **options)


def moved(to: str, status: int = 302) -> Answer:
    return Answer(status, b"", {"Location": to})


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "017700000001",
        "127.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "max:pass@127.0.0.1",
    ],
)
def test_no_spelling_of_an_inner_address_is_connected_to(shop: Shop, host: str) -> None:
    with pytest.raises(Blocked):
        open_session().get(f"http://{host}:{shop.server_port}/wp-json")

    assert shop.connections == 0


def test_the_guard_stands_below_tls_too(shop: Shop) -> None:
    with pytest.raises(Blocked):
        open_session().get(f"https://localhost:{shop.server_port}/wp-json")

    assert shop.connections == 0


def test_an_allowed_address_is_allowed_as_written_and_on_that_port_only(shop: Shop) -> None:
    url = shop.on("/orders", Answer())
    session = open_session(allow=frozenset({f"localhost:{shop.server_port}", "127.0.0.1:1"}))

    assert session.get(url.replace("127.0.0.1", "LocalHost")).status_code == 200
    with pytest.raises(Blocked):
        session.get(url)


def test_a_proxy_cannot_be_used_to_go_around_the_guard(shop: Shop) -> None:
    proxy = f"http://127.0.0.1:{shop.server_port}"

    with pytest.raises(Blocked):
        open_session().get("http://10.0.0.1/", proxies={"http": proxy})

    assert shop.connections == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1:70/_", "ftp://a:b@127.0.0.1/", "data:,x"])
def test_only_http_is_spoken(url: str) -> None:
    with pytest.raises(Blocked):
        open_session().get(url)


@pytest.mark.parametrize("target", ["http://localhost:{port}/in", "http://0x7f.1:{port}/in", "file:///etc/passwd"])
def test_a_redirect_into_our_own_network_is_blocked(shop: Shop, target: str) -> None:
    url = shop.on("/orders", moved(target.format(port=shop.server_port)))

    with pytest.raises(Blocked):
        allow(shop).get(url)

    assert [asked.path for asked in shop.asked] == ["/orders"]


@given(st.one_of(st.ip_addresses(), st.integers(0, 2**125 - 1).map(lambda i: ipaddress.IPv6Address(i + 2**125))))
def test_what_counts_as_public_is_public_for_python_as_well(address: Any) -> None:
    assert not is_public(str(address)) or (address.is_global and not address.is_multicast)


@pytest.mark.parametrize("address", ["8.8.8.8", "104.18.2.3", "172.32.0.1", "2606:4700::6810:1", "2a00:1450::1"])
def test_ordinary_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::", "2001:0:808:808::", "fe80::1%eth0", "168.63.129.16"],
)
def test_addresses_that_hold_or_hide_another_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_a_read_follows_a_redirect_and_keeps_its_credentials_on_the_same_host(shop: Shop) -> None:
    url = shop.on("/old", moved("/new"))
    shop.on("/new", Answer(body=b'{"id": 1}'))

    response = allow(shop).get(url, auth=("key", "secret"))

    assert read_json(response) == {"id": 1}
    assert shop.asked[1].headers["Authorization"].startswith("Basic ")


def test_credentials_do_not_follow_a_redirect_to_another_host(shop: Shop) -> None:
    with opened() as other:
        url = shop.on("/old", moved(other.on("/new", Answer(401))))
        secrets = {"X-Shopify-Access-Token": "shpat_1", "X-Aftercare-Signature": "ab", "Cookie": "a=b"}

        response = allow(shop, other).get(url, auth=("key", "secret"), headers=secrets)

    assert shop.asked[0].headers["X-Shopify-Access-Token"] == "shpat_1"
    assert set(other.asked[0].headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
    with pytest.raises(Refused, match=f"moved to http://127.0.0.1:{other.server_port}:") as caught:
        check(response)
    assert not isinstance(caught.value, AccessLost)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_only_a_read_follows_a_redirect(shop: Shop, method: str, status: int) -> None:
    url = shop.on("/orders", moved("https://max:pw@WWW.Shop.example/orders?key=hidden", status))

    with pytest.raises(Refused, match=r"has moved to https://www\.shop\.example:") as caught:
        allow(shop).request(method, url, data=b"refund")

    assert len(shop.asked) == 1
    assert not {"pw", "hidden"} & set(str(caught.value).replace("@", " ").split())


def test_a_write_sent_to_another_page_of_the_store_says_so(shop: Shop) -> None:
    with pytest.raises(Refused, match="redirects to another page"):
        allow(shop).post(shop.on("/orders", moved("/login")))


def test_a_caller_may_look_at_a_redirect_itself(shop: Shop) -> None:
    url = shop.on("/orders", moved("https://www.shop.example/"))

    assert allow(shop).post(url, allow_redirects=False).status_code == 302


@pytest.mark.parametrize("target", ["/orders", "http://[", "http://a:b/", "\udcff"])
def test_a_redirect_that_leads_nowhere_means_the_store_is_unavailable(shop: Shop, target: str) -> None:
    url = shop.on("/orders", moved(target.encode("utf-8", "surrogateescape").decode("latin-1")))

    with pytest.raises(Unavailable):
        allow(shop, retries=0).get(url)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_is_sent_again_while_the_store_is_briefly_busy(shop: Shop, status: int) -> None:
    url = shop.on("/orders", Answer(status), Answer(status), Answer(body=b'{"id": 1}'))

    assert read_json(allow(shop).get(url)) == {"id": 1}
    assert len(shop.asked) == 3


def test_a_store_that_stays_busy_has_its_last_word(shop: Shop) -> None:
    url = shop.on("/orders", Answer(503))

    assert allow(shop).get(url).status_code == 503
    assert len(shop.asked) == 3


@pytest.mark.parametrize("status", [500, 400, 404])
def test_an_error_that_would_only_repeat_is_not_asked_for_again(shop: Shop, status: int) -> None:
    allow(shop).get(shop.on("/orders", Answer(status)))

    assert len(shop.asked) == 1


def test_a_short_wait_is_honored(shop: Shop) -> None:
    url = shop.on("/orders", Answer(429, headers=JSON | {"Retry-After": "1"}), Answer())
    start = time.monotonic()

    assert allow(shop).get(url).status_code == 200
    assert 1 <= time.monotonic() - start < 3


def test_a_long_wait_is_given_back_to_the_queue_without_sleeping(shop: Shop) -> None:
    url = shop.on("/orders", Answer(429, headers=JSON | {"Retry-After": "4"}))
    start = time.monotonic()

    response = allow(shop).get(url)

    assert time.monotonic() - start < 1
    assert len(shop.asked) == 1
    with pytest.raises(Unavailable) as caught:
        check(response)
    assert caught.value.retry_after == 4


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_is_never_sent_twice(shop: Shop, method: str) -> None:
    busy = shop.on("/busy", Answer(503), Answer())
    cut = shop.on("/cut", Answer(cut=5), Answer())
    session = allow(shop)

    assert session.request(method, busy).status_code == 503
    with pytest.raises(Unavailable):
        session.request(method, cut)
    assert [asked.path for asked in shop.asked] == ["/busy", "/cut"]


def test_a_read_whose_answer_broke_off_is_sent_again(shop: Shop) -> None:
    url = shop.on("/orders", Answer(cut=5), Answer(body=b'{"id": 1}'))

    assert read_json(allow(shop).get(url)) == {"id": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_store_that_is_not_there_is_unavailable(method: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        session = open_session(allow=frozenset({where}))

        with pytest.raises(NothingDone, match="could not be reached") as caught:
            session.request(method, f"http://max:pass@{where}/orders?consumer_secret=hidden")

    assert str(caught.value).startswith(f"http://{where}/orders could")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_name_that_cannot_be_looked_up_is_unavailable() -> None:
    with pytest.raises(NothingDone, match="could not be reached"):
        open_session(retries=0).get(f"http://{'a' * 64}.example/orders")


def test_a_slow_answer_is_not_waited_for_beyond_the_sessions_time_out_nor_asked_for_again(shop: Shop) -> None:
    url = shop.on("/orders", Answer(pause=1))

    with pytest.raises(Unavailable, match="did not answer in time") as caught:
        allow(shop, timeout=(1, 0.1)).get(url)
    assert not isinstance(caught.value, NothingDone), "it may have been done all the same"

    assert len(shop.asked) == 1


def test_a_call_may_bring_its_own_time_out(shop: Shop) -> None:
    url = shop.on("/orders", Answer(pause=0.3))

    assert allow(shop, timeout=(1, 0.1)).get(url, timeout=5).status_code == 200


@pytest.mark.parametrize("is_streamed", [False, True])
def test_an_answer_that_drips_is_given_up(shop: Shop, is_streamed: bool) -> None:
    url = shop.on("/orders", Answer(body=b" " * 100, pause=0.05, drips=True))
    start = time.monotonic()

    with pytest.raises(Unavailable, match="did not finish"):
        assert allow(shop, timeout=(1, 0.2)).get(url, stream=is_streamed).content

    assert time.monotonic() - start < 2


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("is_packed", [False, True])
def test_an_oversized_answer_is_refused_packed_or_not(shop: Shop, is_streamed: bool, is_packed: bool) -> None:
    body, headers = b" " * 1_000_001, JSON
    if is_packed:
        body, headers = gzip.compress(body), JSON | {"Content-Encoding": "gzip"}
    url = shop.on("/orders", Answer(body=body, headers=headers))

    assert len(allow(shop, max_bytes=1_000_001).get(url, stream=is_streamed).content) == 1_000_001
    with pytest.raises(Refused, match="more than 1,000,000 bytes"):
        assert allow(shop, max_bytes=1_000_000).get(url, stream=is_streamed).content


def test_one_connection_serves_several_calls_and_no_cookie_is_kept(shop: Shop) -> None:
    url = shop.on("/orders", Answer(headers=JSON | {"Set-Cookie": "visitor=1"}))
    session = allow(shop)
    session.head(url)
    session.get(url)
    session.post(url, json={"id": 1})

    assert shop.connections == 1
    assert shop.asked[2].body == b'{"id": 1}'
    assert not any("Cookie" in asked.headers for asked in shop.asked)


def test_the_session_says_who_is_calling(shop: Shop) -> None:
    allow(shop, user_agent="Aftercare/1.2").get(shop.on("/orders", Answer()))

    assert shop.asked[0].headers["User-Agent"] == "Aftercare/1.2"


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://", {}),
        ("shop", {}),
        ("http://max:hidden@[/", {}),
        ("http://shop.example/?key=hidden", {"X-Token": "hidden\r\nX: y"}),
        ("http://shop.example/?key=hidden", {"X-Token": "hidden\u200b"}),
    ],
)
def test_a_request_that_cannot_be_written_is_refused_without_quoting_it(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        open_session().get(url, headers=headers)

    assert "hidden" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_certificate_counts_only_when_a_known_authority_signed_it(shop: Shop, tmp_path: Path) -> None:
    ca_file = str(certify(tmp_path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_file)
    shop.socket = context.wrap_socket(shop.socket, server_side=True)
    url = shop.on("/orders", Answer()).replace("http:", "https:")

    assert allow(shop, ca_file=ca_file).get(url).status_code == 200
    with pytest.raises(Unavailable, match="certificate"):
        allow(shop).get(url)


def certify(folder: Path) -> Path:
    """Write a key and its self-signed certificate for 127.0.0.1 into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "shop.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_post_that_only_reads_is_sent_again_and_the_next_one_is_not(shop: Shop) -> None:
    query = shop.on("/graphql", Answer(cut=4), Answer(503), Answer(body=b'{"data": 1}'))
    session = allow(shop)
    with only_reading(session):
        assert session.post(query, json={"query": "{ shop { name } }"}).json() == {"data": 1}
    assert [asked.body for asked in shop.asked] == [b'{"query": "{ shop { name } }"}'] * 3

    mutation = shop.on("/graphql", Answer(503), Answer())
    assert session.post(mutation, json={"query": "mutation { refund }"}).status_code == 503
    assert len(shop.asked) == 4


def test_a_post_is_no_reading_any_more_after_a_reading_that_failed(shop: Shop) -> None:
    url = shop.on("/graphql", Answer(503))
    session = allow(shop)
    with pytest.raises(ZeroDivisionError), only_reading(session):
        raise ZeroDivisionError
    assert session.post(url).status_code == 503
    assert len(shop.asked) == 1
