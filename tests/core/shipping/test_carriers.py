"""Carriers: the number decides nothing alone that it cannot prove, and no link or status is ever guessed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from core.shipping.rules import carriers
from core.shipping.rules.carriers import carrier_code, clean_number, recognize, status_of, tracking_url

BOOK = json.loads(Path(carriers.__file__).with_name("carriers.json").read_text(encoding="utf-8"))
FIXTURE = json.loads(Path(__file__).with_name("tracking_numbers.json").read_text(encoding="utf-8"))


def cases(kind: str) -> list[tuple[str, str]]:
    formats = ((courier, one) for courier, many in FIXTURE["couriers"].items() for one in many)
    return [(courier, number) for courier, one in formats for number in one[kind]]


# Numbers the fixture calls invalid for one format of a courier that fit another format of the same courier.
VALID_ELSEWHERE = {("purolator", "331426749957"): "a valid twelve digit number beside the letters-and-nine format"}

# An S10 number belongs to the post of its country; where that post is a carrier of ours we say which.
POST_OF_S10 = {"RB123456785GB": "royal_mail", "RB123456785US": "usps"}


def test_the_fixture_is_whole() -> None:
    assert (len(cases("valid")), len(cases("invalid"))) == (192, 88)


@pytest.mark.parametrize(("courier", "number"), cases("valid"))
def test_a_valid_number_bears_out_the_carrier_the_store_named(courier: str, number: str) -> None:
    carrier = recognize(number, courier)
    assert carrier is not None
    assert (carrier.code, carrier.checked) == (courier, True)


@pytest.mark.parametrize(("courier", "number"), cases("invalid"))
def test_an_invalid_number_keeps_the_named_carrier_unchecked(courier: str, number: str) -> None:
    carrier = recognize(number, courier)
    assert carrier is not None
    assert (carrier.code, carrier.checked) == (courier, (courier, number) in VALID_ELSEWHERE)


@pytest.mark.parametrize(("courier", "number"), cases("valid"))
def test_a_number_alone_names_its_carrier_or_none(courier: str, number: str) -> None:
    carrier = recognize(number)
    assert carrier is None or (carrier.code, carrier.checked) == (POST_OF_S10.get(number, courier), True)


def test_numbers_that_prove_their_carrier_need_no_word_from_the_store() -> None:
    assert sum(recognize(number) is not None for _, number in cases("valid")) == 71


@pytest.mark.parametrize(("courier", "number"), cases("invalid"))
def test_an_invalid_number_alone_names_nobody(courier: str, number: str) -> None:
    assert recognize(number) is None


@pytest.mark.parametrize(
    "number",
    [
        "3318810025",  # DHL Express by its check digit, and a telephone number to anyone else
        "986578788855",  # FedEx; SF, ZTO and SMSA number their parcels with twelve digits too
        "0307 1790 0005 2348 3741",  # USPS; a DHL Paket number has the same length and check rule
        "1001921334250001000300779017972697",  # FedEx; so is every tenth mistyped USPS number of this length
        "K1506235620",  # UPS waybill: one letter and one check digit prove little
        "4201002307598386756508899571",  # valid for both USPS and DPD
    ],
)
def test_a_number_two_carriers_could_have_issued_names_nobody(number: str) -> None:
    assert recognize(number) is None


def test_a_number_valid_for_two_carriers_goes_to_the_one_the_store_named() -> None:
    both = "4201002307598386756508899571"
    told = [recognize(both, prior) for prior in ("usps", "dpd")]
    assert [(carrier.code, carrier.checked) for carrier in told if carrier] == [("usps", True), ("dpd", True)]


@pytest.mark.parametrize(
    ("prior", "code"),
    [
        ("ups", "ups"),
        ("UPS", "ups"),
        ("United Parcel Service", "ups"),
        ("usps", "usps"),
        ("fedex", "fedex"),
        ("FedEx Ground Economy", "fedex"),
        ("dhl_express", "dhl"),
        ("dhl-us", "dhl"),
        ("DHL eCommerce Asia", "dhl"),
        ("dhl-de", "deutsche_post"),
        ("Deutsche Post (EN)", "deutsche_post"),
        ("DPD UK", "dpd_uk"),
        ("dpd-de", "dpd"),
        ("gls-us", "gls_us"),
        ("royal-mail", "royal_mail"),
        ("australia-post", "australia_post"),
        ("La Poste Colissimo", "la_poste"),
        ("Lietuvos Paštas", "lietuvos_pastas"),
        ("lietuvos-pastas", "lietuvos_pastas"),
        ("Österreichische Post", "austrian_post"),
        ("Giao Hàng Nhanh", "ghn"),
        ("J&T Express", "jt_express"),
        ("ไปรษณีย์ไทย", "thailand_post"),
        ("顺丰速运", "sf_express"),
    ],
)
def test_the_words_stores_use_for_a_carrier_are_known(prior: str, code: str) -> None:
    assert carrier_code(prior) == code


@pytest.mark.parametrize(
    "prior", [None, "", "  ", "other", "custom", "Correos Chile", "Flash Courier", "-", "u" * 9999]
)
def test_a_word_that_is_no_carrier_of_ours_is_not_forced_into_one(prior: str | None) -> None:
    assert carrier_code(prior) is None


def test_no_two_carriers_share_a_word() -> None:
    words = [
        {carriers._key(word) for word in (code, entry["name"], *entry.get("aliases", []))}
        for code, entry in BOOK["carriers"].items()
    ]
    assert sum(map(len, words)) == len(set.union(*words))
    assert "" not in set.union(*words)


def test_an_unknown_prior_counts_as_none() -> None:
    carrier = recognize("1Z5R89390357567127", "Max's van")
    assert carrier is not None
    assert carrier.code == "ups"
    assert recognize("986578788855", "Max's van") is None


def test_the_store_is_believed_before_the_number() -> None:
    carrier = recognize("1Z5R89390357567127", "fedex")
    assert carrier is not None
    assert (carrier.code, carrier.checked) == ("fedex", False)


def test_a_known_carrier_without_number_formats_is_named_unchecked_with_its_link() -> None:
    carrier = recognize("gabc1234", "GHN")
    assert carrier == carriers.Carrier(
        code="ghn", name="GHN", service=None, url="https://donhang.ghn.vn/?order_code=gabc1234", checked=False
    )


def test_a_known_carrier_with_no_usable_number_has_no_link() -> None:
    carrier = recognize("PENDING", "ups")
    assert carrier == carriers.Carrier(code="ups", name="UPS", service=None, url=None, checked=False)


@pytest.mark.parametrize(
    ("number", "prior", "service"),
    [
        ("1Z5R89390357567127", None, "UPS United States Ground"),
        ("RB123456785GB", None, "Letter Post Registered"),
        ("0307 1790 0005 2348 3741", "usps", "Delivery Confirmation"),
        ("1Z410E7W0392751591", None, "UPS United States Ground"),
        ("986578788855", "fedex", None),
    ],
)
def test_the_service_is_read_from_the_number(number: str, prior: str | None, service: str | None) -> None:
    carrier = recognize(number, prior)
    assert carrier is not None
    assert carrier.service == service


def test_an_international_number_counts_for_the_post_that_issued_it() -> None:
    at_home, abroad = recognize("RB123456785GB", "Royal Mail"), recognize("RB123456785GB", "usps")
    assert at_home is not None
    assert abroad is not None
    assert (at_home.code, at_home.checked) == ("royal_mail", True)
    assert (abroad.code, abroad.checked) == ("usps", False)


@pytest.mark.parametrize("number", ["RB000000005GB", "RB020000000GB"])
def test_an_international_check_of_ten_is_written_0_and_of_eleven_5(number: str) -> None:
    carrier = recognize(number)
    assert carrier is not None
    assert carrier.code == "royal_mail"


def test_an_international_number_of_a_post_we_have_no_link_to_carries_its_name() -> None:
    carrier = recognize("RB123456785CV")
    assert carrier is not None
    assert (carrier.code, carrier.name, carrier.url) == ("s10", "Correios de Cabo Verde", None)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (" 1z 5r8-939 03575 67127 ", "1Z5R89390357567127"),
        ("1Z5R89390357567127\u200b\ufeff", "1Z5R89390357567127"),
        ("\u202e1Z5R89390357567127\u202c", "1Z5R89390357567127"),
        ("9400–1112–0108–0805–4830–16", "9400111201080805483016"),
        ("١٢٣٤٥٦٧٨٩٠", "1234567890"),
        ("１２３４", "1234"),
        ("S308157.SG01-G5.1155188872", "S308157.SG01G5.1155188872"),
    ],
)
def test_a_number_is_read_as_it_stands_on_the_label(text: str, number: str) -> None:
    assert clean_number(text) == number


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "-",
        "pending",
        "N/A",
        "https://carrier.example/track/1Z999",
        "1Z999,1Z998",
        "📦12345",
        "1Z\x00999",
        "<script>1</script>",
        "1" * 65,
        "1Z5R89390357567127" + " " * 1000,
    ],
)
def test_junk_is_no_number(junk: str) -> None:
    assert clean_number(junk) == ""
    assert recognize(junk) is None
    assert tracking_url("ups", junk) is None


def test_a_megabyte_of_anything_is_refused_at_once() -> None:
    flood = "4201" * 2_500_000
    started = time.perf_counter()
    assert (clean_number(flood), recognize(flood), tracking_url("ups", flood)) == ("", None, None)
    assert (carrier_code(flood), status_of(flood)) == (None, "unknown")
    assert time.perf_counter() - started < 0.1


@pytest.mark.parametrize("number", ["1Z\r\nSet-Cookie: a=1", "1&b=2", "1#x", "1?x", "../1", "1%0d%0a", "javascript:1"])
def test_a_number_cannot_break_out_of_the_link(number: str) -> None:
    assert tracking_url("ups", number) is None


@pytest.mark.parametrize("code", [code for code, entry in BOOK["carriers"].items() if entry["url"]])
def test_every_link_is_https_and_holds_the_number_once(code: str) -> None:
    url = tracking_url(code, "\u202eAb 12–3\n")
    assert url is not None
    parts = urlsplit(url)
    assert parts.scheme == "https"
    assert "Ab12" in unquote(parts.path + parts.query + parts.fragment)
    assert url.count("Ab12%E2%80%933") == 1
    assert url.isascii()
    assert "{" not in url
    assert " " not in url


def test_a_checked_number_is_linked_as_on_the_label_and_another_as_the_store_wrote_it() -> None:
    assert tracking_url("UPS", "1z5r8 939-03575 67127") == "https://www.ups.com/track?tracknum=1Z5R89390357567127"
    assert tracking_url("ghtk", "S308157.SG01-G5.11") == "https://i.ghtk.vn/S308157.SG01-G5.11"


def test_a_carrier_we_have_no_sure_link_for_gives_none() -> None:
    assert tracking_url("viettel_post", "123456789012") is None
    assert tracking_url("nobody", "123456789012") is None


@pytest.mark.parametrize(
    ("raw", "ours"),
    [
        # AfterShip
        ("Pending", "pending"),
        ("InfoReceived", "info_received"),
        ("InTransit", "in_transit"),
        ("OutForDelivery", "out_for_delivery"),
        ("AttemptFail", "failed_attempt"),
        ("AvailableForPickup", "ready_for_pickup"),
        ("Delivered_003", "delivered"),
        ("Exception", "exception"),
        ("Exception_011", "returned_to_sender"),
        ("Expired", "unknown"),
        # EasyPost, Shippo
        ("pre_transit", "info_received"),
        ("available_for_pickup", "ready_for_pickup"),
        ("return_to_sender", "returned_to_sender"),
        ("failure", "exception"),
        ("TRANSIT", "in_transit"),
        ("RETURNED", "returned_to_sender"),
        # Shopify
        ("LABEL_PRINTED", "info_received"),
        ("LABEL_PURCHASED", "info_received"),
        ("CARRIER_PICKED_UP", "in_transit"),
        ("ATTEMPTED_DELIVERY", "failed_attempt"),
        ("READY_FOR_PICKUP", "ready_for_pickup"),
        ("DELAYED", "delayed"),
        ("CONFIRMED", "pending"),
        ("FULFILLED", "unknown"),
        # TrackShip, karrio, TrackingMore, 17TRACK, GHN
        ("pending_trackship", "pending"),
        ("on_hold", "exception"),
        ("delivery_delayed", "delayed"),
        ("delivery_failed", "failed_attempt"),
        ("notfound", "pending"),
        ("InTransit_PickedUp", "in_transit"),
        ("Exception_Returning", "returned_to_sender"),
        ("delivering", "out_for_delivery"),
        # AfterShip's numbered codes, by their documentation; TrackingMore's, without the underscore, mean others
        ("Exception_004", "delayed"),
        ("Exception_005", "delayed"),
        ("exception_016", "delayed"),
        ("Exception_017", "delayed"),
        ("Exception_019", "delayed"),
        ("Exception_003", "exception"),
        ("Exception_010", "returned_to_sender"),
        ("Exception_020", "unknown"),
        ("exception004", "exception"),
        ("InTransit_007", "in_transit"),
        ("AttemptFail_002", "failed_attempt"),
        ("AvailableForPickup_001", "ready_for_pickup"),
        # 17TRACK, Shippo
        ("InTransit_CustomsRequiringInformation", "exception"),
        ("AvailableForPickup_Other", "ready_for_pickup"),
        ("OutForDelivery_Other", "out_for_delivery"),
        ("Exception_Cancel", "unknown"),
        ("NotFound_Other", "pending"),
        ("notice_left", "failed_attempt"),
        ("package_lost", "exception"),
        # spelling
        ("  out for-DELIVERY ", "out_for_delivery"),
        ("label created", "info_received"),
    ],
)
def test_their_status_words_become_ours(raw: str, ours: str) -> None:
    assert status_of(raw) == ours


@pytest.mark.parametrize("raw", ["", "in", "transit pending?", "DE", "OT", "D_IN_TRANSITO", "42", "001", "已签收"])
def test_a_word_we_do_not_know_is_unknown(raw: str) -> None:
    assert status_of(raw) == "unknown"


@pytest.mark.parametrize("raw", ["picked_up", "pickup", "picked", "awaiting collection", "shipped", "Label voided"])
def test_a_word_with_two_meanings_is_never_a_guess(raw: str) -> None:
    assert status_of(raw) == "unknown"


def test_every_status_word_has_one_meaning_and_ours_mean_themselves() -> None:
    words = [carriers._key(word) for group in BOOK["status_words"].values() for word in group]
    assert len(words) == len(set(words))
    assert [status_of(ours) for ours in BOOK["status_words"]] == list(BOOK["status_words"])


def test_the_notice_of_the_data_travels_with_it() -> None:
    for notice in (BOOK["license"], FIXTURE["license"]):
        assert notice["copyright"] == "Copyright (c) 2017 Jeff Keen"
        assert "Permission is hereby granted, free of charge" in notice["text"]
