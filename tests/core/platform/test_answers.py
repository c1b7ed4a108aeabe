import json
from collections.abc import Mapping
from decimal import Decimal

import pytest
import requests

from core.platform.errors import AccessLost, Refused, Unavailable
from core.platform.responses import check, read_json, retry_after, scrub

JSON = {"Content-Type": "application/json; charset=UTF-8"}
HTML = {"Content-Type": "text/html"}


def written(body: bytes, headers: Mapping[str, str] = JSON, status: int = 200) -> requests.Response:
    """A response as requests would hand it over, for what is only read."""
    response = requests.Response()
    response.status_code, response.url = status, "https://shop.example/api?key=hidden"
    response._content = body
    response.headers.update(headers)
    return response


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"id": 1}', JSON),
        (b' \n{"id": 1}\n', {}),
        (b'\xef\xbb\xbf{"id": 1}', HTML),
        (b'<br />\n<b>Notice</b>: Undefined index [1] in {x} <b>a.php</b><br />\n{"id": 1}', JSON),
        (b'\xef\xbb\xbfWarning: a[0]\n\xef\xbb\xbf{"id": 1}', {"Content-Type": "application/hal+json"}),
    ],
)
def test_json_is_found_behind_what_servers_put_before_it(body: bytes, headers: Mapping[str, str]) -> None:
    assert read_json(written(body, headers)) == {"id": 1}


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"[1, {}]"])
def test_any_json_value_is_read(body: bytes) -> None:
    assert read_json(written(body)) == json.loads(body)


def test_fractions_keep_their_digits() -> None:
    assert read_json(written(b'{"total": 179.10, "rate": 0.1}')) == {
        "total": Decimal("179.10"),
        "rate": Decimal("0.1"),
    }


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", JSON),
        (b"<html>Briefly unavailable for scheduled maintenance.", HTML),
        (b"<br />Notice: x\n" + b'{"id": 1}', HTML),
        (b'{"id": 1', JSON),
        (b'{"id": 1} Fatal error', JSON),
        (b'{"total": NaN}', JSON),
        (b'{"total": 1e99999999999999999999}', JSON),
        (b"1" * 5000, JSON),
        (b"[" * 102 + b"]" * 102, JSON),
        (b'{"a":' * 101 + b"1" + b"}" * 101, JSON),
        (b"[" * 1_000_000, JSON),
        (b'{"name": "\xff"', JSON),
    ],
)
def test_what_is_no_sound_json_means_the_store_is_unavailable(body: bytes, headers: Mapping[str, str]) -> None:
    with pytest.raises(Unavailable) as caught:
        read_json(written(body, headers))

    assert str(caught.value).startswith("https://shop.example/api answered 200 with")


def test_nesting_is_read_to_a_hundred_levels() -> None:
    assert read_json(written(b"[" * 100 + b"]" * 100))


def test_a_web_page_is_named_as_one() -> None:
    with pytest.raises(Unavailable, match="web page"):
        read_json(written(b"\xef\xbb\xbf <!doctype html>", {}))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 2.0 "}, 2),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "86400"}, 3600),
        ({"Retry-After": "9" * 400}, 3600),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "Sat, 21 Nov 2026 18:10:48 GMT", "Date": "Sat, 21 Nov 2026 18:09:48 GMT"}, 60),
        ({"Retry-After": "Sat, 21 Nov 2026 18:10:48 -0000", "Date": "Sat, 21 Nov 2026 18:09:48 GMT"}, 60),
        ({"Retry-After": "Sat, 21 Nov 2026 18:00:00 GMT", "Date": "Sat, 21 Nov 2026 18:09:48 GMT"}, 0),
        ({"Retry-After": "Fri, 21 Nov 2042 18:00:00 GMT"}, 3600),
        ({"Retry-After": "Sat, 21 Nov 2015 18:00:00 GMT", "Date": "today"}, 0),
        ({"Retry-After": "Sat, 99 Nov 2026 18:00:00 GMT"}, None),
    ],
)
def test_the_wait_a_platform_asks_for_is_understood(headers: Mapping[str, str], seconds: float | None) -> None:
    assert retry_after(written(b"", headers)) == seconds


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, AccessLost),
        (402, AccessLost),
        (403, AccessLost),
        (404, Refused),
        (408, Unavailable),
        (409, Refused),
        (422, Refused),
        (425, Unavailable),
        (429, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (530, Unavailable),
    ],
)
def test_a_status_says_what_went_wrong(status: int, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        check(written(b'{"message": "No."}', status=status))

    assert type(caught.value) is error
    assert "No." in str(caught.value)


@pytest.mark.parametrize("status", [200, 201, 204, 302])
def test_a_good_answer_passes(status: int) -> None:
    check(written(b"", status=status))


def test_a_firewalls_page_does_not_look_like_lost_access() -> None:
    with pytest.raises(Unavailable):
        check(written(b"<html>Request blocked", HTML, status=403))
    with pytest.raises(AccessLost):
        check(written(b"<html>Authorization required", HTML, status=401))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"code": "invalid", "message": "Invalid parameter(s): status"}', "Invalid parameter(s): status"),
        (b'{"errorMessage": "Order was not found.", "errorCode": "X"}', "Order was not found."),
        (b'{"error": "invalid_grant", "error_description": "The code has expired."}', "The code has expired."),
        (b'{"error": {"code": 5, "message": "Not\\n  allowed"}}', "Not allowed"),
        (b'{"errors": [{"message": ""}, {"message": "Too many"}]}', "Too many"),
        (b'{"message": "' + b"x" * 999 + b'"}', "x" * 300),
        (b'{"message": null}', "https://shop.example/api answered 422"),
        (b"[]", "https://shop.example/api answered 422"),
        (b"<html>", "https://shop.example/api answered 422"),
        (b"", "https://shop.example/api answered 422"),
    ],
)
def test_a_refusal_carries_the_platforms_own_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(Refused) as caught:
        check(written(body, status=422))

    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("url", "scrubbed"),
    [
        ("https://Shop.example/wp-json/orders?consumer_secret=cs_1#x", "https://shop.example/wp-json/orders"),
        ("https://max:p@ss@shop.example:8443/a", "https://shop.example:8443/a"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("https://max:pa/ss@shop.example/", "an unreadable address"),
        ("http://[/?key=1", "an unreadable address"),
        ("/orders?key=1", "an unreadable address"),
        (None, "an unreadable address"),
    ],
)
def test_a_scrubbed_address_keeps_no_secret(url: str | None, scrubbed: str) -> None:
    assert scrub(url) == scrubbed
