"""What is wrong with a field of the settings form, in the reader's language."""

from __future__ import annotations

from typing import Any

from core.i18n.words import Words


def sentence_of(fault: Any, words: Words) -> str:
    """Say what is wrong, by a fault as pydantic describes it (`ValidationError.errors`)."""
    say, kind, about = words.pgettext, fault["type"], fault.get("ctx", {})
    where = {str(part) for part in fault["loc"]}
    if kind == "greater_than_equal":
        return say("desk", "Give %(least)s or more.", least=about["ge"])
    if kind == "less_than_equal":
        return say("desk", "Give %(most)s or less.", most=about["le"])
    if kind == "days_out_of_order":
        return say("desk", "The most days must not be fewer than the least.")
    if kind == "unknown_time_zone":
        return say("desk", "There is no such time zone. Use a name such as Europe/Vilnius.")
    if kind.startswith("int_"):
        return say("desk", "Give a whole number.")
    if kind.startswith("time_"):
        return say("desk", "Give a time of day, such as 14:00.")
    if kind.startswith("date_"):
        return say("desk", "Give a day.")
    if kind.startswith("string_") and where & {"ship_days", "delivery_days"}:
        return say("desk", "Tick at least one day.")
    return say("desk", "Choose one of those listed.")
