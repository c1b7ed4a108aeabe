import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets import (
    BadToken,
    ExpiredToken,
    Keyring,
    Unsealable,
    constant_time_equal,
    new_code,
    new_token,
)

OLD = "old-key-4f0e8c1b72d9a65e3f10-0123"
NEW = "new-key-b81d77f2a90c4e6d5531-9876"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ring = Keyring([OLD])


@given(st.binary(max_size=200), st.integers(1, 2**63 - 1), st.text("abc.|", min_size=1, max_size=20))
def test_what_was_sealed_opens_for_the_same_store_and_purpose(plain: bytes, store_id: int, purpose: str) -> None:
    blob = ring.seal(plain, store_id=store_id, purpose=purpose)

    assert ring.open(blob, store_id=store_id, purpose=purpose) == plain


def test_text_and_dicts_come_back_as_they_went_in() -> None:
    text = ring.seal("чай ☕ \ud83d", store_id=7, purpose="note")
    keys = ring.seal({"token": "abc", "scopes": ["orders"]}, store_id=7, purpose="credentials")

    assert ring.open_text(text, store_id=7, purpose="note") == "чай ☕ \ud83d"
    assert ring.open_dict(keys, store_id=7, purpose="credentials") == {"token": "abc", "scopes": ["orders"]}


def test_a_sealed_token_shows_nothing_and_never_looks_the_same_twice() -> None:
    blobs = {ring.seal("token-of-max", store_id=7, purpose="credentials") for _ in range(20)}

    assert len(blobs) == 20
    assert not any(b"token-of-max" in blob for blob in blobs)


@pytest.mark.parametrize(("store_id", "purpose"), [(8, "credentials"), (7, "note"), (71, "credentials")])
def test_a_row_moved_to_another_store_or_column_does_not_open(store_id: int, purpose: str) -> None:
    blob = ring.seal("abc", store_id=7, purpose="credentials")

    with pytest.raises(Unsealable):
        ring.open(blob, store_id=store_id, purpose=purpose)


def test_a_blob_with_any_byte_altered_or_missing_does_not_open() -> None:
    blob = ring.seal("abc", store_id=7, purpose="credentials")
    altered = [blob[:i] + bytes([blob[i] ^ 1]) + blob[i + 1 :] for i in range(len(blob))]
    cut = [blob[:i] for i in range(len(blob))]

    for broken in altered + cut:
        with pytest.raises(Unsealable):
            ring.open(broken, store_id=7, purpose="credentials")


def test_keys_rotate_without_losing_what_the_old_one_sealed() -> None:
    both = Keyring([NEW, OLD])
    blob = ring.seal("abc", store_id=7, purpose="credentials")
    again = both.seal(both.open(blob, store_id=7, purpose="credentials"), store_id=7, purpose="credentials")

    assert both.needs_resealing(blob)
    assert not both.needs_resealing(again)
    assert not ring.needs_resealing(blob)
    assert Keyring([NEW]).open(again, store_id=7, purpose="credentials") == b"abc"
    with pytest.raises(Unsealable, match="AFTERCARE_SECRET_KEYS"):
        Keyring([NEW]).open(blob, store_id=7, purpose="credentials")


def test_the_order_of_the_keys_decides_what_seals_and_not_what_opens() -> None:
    blob = Keyring([OLD, NEW]).seal("abc", store_id=7, purpose="credentials")

    assert Keyring([NEW, OLD]).open(blob, store_id=7, purpose="credentials") == b"abc"


def test_a_token_carries_its_payload_until_it_is_too_old() -> None:
    token = ring.sign({"store": 7, "level": "see"}, purpose="shopper", now=NOW)

    assert re.fullmatch(r"[\w.-]+", token)
    assert ring.verify(token, purpose="shopper", max_age=1800, now=NOW) == {"store": 7, "level": "see"}
    assert ring.verify(token, purpose="shopper", max_age=1800, now=NOW + timedelta(seconds=1800))
    with pytest.raises(ExpiredToken):
        ring.verify(token, purpose="shopper", max_age=1800, now=NOW + timedelta(seconds=1801))


def test_a_token_signed_without_a_given_moment_is_of_this_moment() -> None:
    token = ring.sign({"store": 7}, purpose="shopper")

    assert ring.verify(token, purpose="shopper", max_age=60) == {"store": 7}


def test_a_token_from_a_machine_whose_clock_is_a_little_ahead_holds() -> None:
    token = ring.sign({"store": 7}, purpose="shopper", now=NOW + timedelta(seconds=59))
    much_ahead = ring.sign({"store": 7}, purpose="shopper", now=NOW + timedelta(seconds=90))

    assert ring.verify(token, purpose="shopper", max_age=1800, now=NOW) == {"store": 7}
    with pytest.raises(BadToken):
        ring.verify(much_ahead, purpose="shopper", max_age=1800, now=NOW)


def test_a_token_for_another_purpose_or_from_another_key_is_refused() -> None:
    token = ring.sign({"store": 7}, purpose="shopper", now=NOW)

    with pytest.raises(BadToken):
        ring.verify(token, purpose="staff", max_age=1800, now=NOW)
    with pytest.raises(BadToken):
        Keyring([NEW]).verify(token, purpose="shopper", max_age=1800, now=NOW)
    assert Keyring([NEW, OLD]).verify(token, purpose="shopper", max_age=1800, now=NOW) == {"store": 7}


def test_the_newest_key_signs() -> None:
    token = Keyring([NEW, OLD]).sign({"store": 7}, purpose="shopper", now=NOW)

    assert Keyring([NEW]).verify(token, purpose="shopper", max_age=1800, now=NOW) == {"store": 7}


def test_eve_cannot_change_any_character_of_a_token() -> None:
    token = ring.sign({"store": 7, "level": "see"}, purpose="shopper", now=NOW)

    for i in range(len(token) - 1):  # the last character's spare bits mean nothing in base64
        forged = token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :]
        with pytest.raises(BadToken):
            ring.verify(forged, purpose="shopper", max_age=1800, now=NOW)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "ключ", "\ud83d", "\x00", "A" * 100_000])
def test_what_is_no_token_at_all_is_refused_quietly(token: str) -> None:
    with pytest.raises(BadToken) as caught:
        ring.verify(token, purpose="shopper", max_age=1800, now=NOW)

    assert len(str(caught.value)) < 100


def test_digests_agree_on_the_text_the_purpose_and_the_key_together() -> None:
    digest = ring.digest("ann@example.com", purpose="e-mail")

    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert digest == Keyring([OLD]).digest("ann@example.com", purpose="e-mail")
    assert digest != ring.digest("ann@example.org", purpose="e-mail")
    assert digest != ring.digest("ann@example.com", purpose="code")
    assert digest != Keyring([NEW]).digest("ann@example.com", purpose="e-mail")
    assert ring.digest("bc", purpose="a") != ring.digest("c", purpose="ab")
    assert ring.digest("\ud83d", purpose="e-mail") != ring.digest("?", purpose="e-mail")


def test_a_digest_stored_under_the_old_key_is_found_while_keys_change() -> None:
    stored = ring.digest("ann@example.com", purpose="e-mail")
    both = Keyring([NEW, OLD])

    assert both.digest("ann@example.com", purpose="e-mail") != stored
    assert stored in both.digests("ann@example.com", purpose="e-mail")
    assert both.digests("ann@example.com", purpose="e-mail")[0] == both.digest("ann@example.com", purpose="e-mail")


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [""],
        ["short"],
        ["x" * 64],
        ["change-me-change-me-change-me-please"],
        ["an-EXAMPLE-key-0123456789-abcdefghij"],
        ["abcdefgh-abcdefgh-abcdefgh-abcdefgh"],
        ["0123456789abcdef" * 4],
        ["password-of-the-store-0123456789-abc"],
        ["my-secret-key-for-the-shop-8321-9876"],
        [NEW, "short"],
        NEW,
    ],
)
def test_weak_keys_are_refused_in_a_sentence_that_names_the_setting_and_not_the_key(keys: Any) -> None:
    with pytest.raises(ValueError, match="AFTERCARE_SECRET_KEYS") as caught:
        Keyring(keys)

    assert not any(len(key) > 1 and key in str(caught.value).split() for key in keys)


def test_random_keys_of_the_shortest_length_are_accepted() -> None:
    draw = random.Random(1)
    for _ in range(50):
        Keyring(["".join(draw.choices("0123456789abcdef", k=32))])


def test_a_keyring_does_not_show_its_keys() -> None:
    shown = repr(Keyring([NEW, OLD])) + str(Keyring([NEW, OLD]))

    assert "2" in shown
    assert "key-" not in shown


def test_drawn_tokens_and_codes_have_their_shape_and_differ() -> None:
    tokens = {new_token() for _ in range(100)}
    codes = {new_code() for _ in range(200)}

    assert len(tokens) == 100
    assert all(re.fullmatch(r"[\w-]{32}", token) for token in tokens)
    assert len(new_token(48)) == 64
    assert all(re.fullmatch(r"[0-9]{6}", code) for code in codes)
    assert len(codes) > 150


@pytest.mark.parametrize(
    ("a", "b", "is_equal"),
    [("abc", "abc", True), ("abc", b"abc", True), ("abc", "abd", False), ("é", "e", False), ("\ud83d", "", False)],
)
def test_any_two_texts_compare(a: str | bytes, b: str | bytes, is_equal: bool) -> None:
    assert constant_time_equal(a, b) is is_equal
