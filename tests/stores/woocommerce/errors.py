"""The refusals WooCommerce gives over REST, in its own codes and words (10.5.0, recorded 2026-11-21)."""

from typing import Any


class RestError(Exception):
    """A REST call was refused: an HTTP status and the JSON body that goes with it."""

    def __init__(self, status: int, code: str | int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, "data": {"status": status} if data is None else data}


def no_route() -> RestError:
    return RestError(404, "rest_no_route", "No route was found matching the URL and request method.")


def order_missing() -> RestError:
    return RestError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")


def order_missing_for_fulfillments() -> RestError:
    # The fulfillments controller has its own code, and its status is a string (10.5.0, 2026-11).
    return RestError(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.", {"status": "404"})


def review_missing() -> RestError:
    return RestError(404, "woocommerce_rest_review_invalid_id", "Invalid review ID.")


def unauthenticated(message: str) -> RestError:
    return RestError(401, "woocommerce_rest_authentication_error", message)


def invalid_json() -> RestError:
    data = {"status": 400, "json_error_code": 4, "json_error_message": "Syntax error"}
    return RestError(400, "rest_invalid_json", "Invalid JSON body passed.", data)


def invalid_param(name: str, sentence: str, code: str) -> RestError:
    """One bad parameter: WordPress says it twice, short in `params` and with a code in `details`."""
    detail = {"code": code, "message": sentence, "data": None}
    data = {"status": 400, "params": {name: sentence}, "details": {name: detail}}
    return RestError(400, "rest_invalid_param", f"Invalid parameter(s): {name}", data)


def missing_params(names: list[str]) -> RestError:
    data = {"status": 400, "params": names}
    return RestError(400, "rest_missing_callback_param", f"Missing parameter(s): {', '.join(names)}", data)


def refund_refused(sentence: str) -> RestError:
    # Refund refusals are HTTP 500 and their `data` is a bare number (10.5.0, 2026-11).
    return RestError(500, "woocommerce_rest_cannot_create_order_refund", sentence, 500)


def refund_negative() -> RestError:
    return RestError(500, "woocommerce_rest_invalid_order_refund", "Refund amount must be greater than zero.", 400)
