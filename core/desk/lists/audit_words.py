"""What the audit log's verbs are called, where nothing else of the desk has named them, and what each is about."""

from __future__ import annotations

from core.orders.kinds import Say


def names_of_audit(say: Say) -> dict[str, str]:
    """Give the names by word, in the language `say` speaks."""
    return {
        "by.aftercare": say("desk", "Aftercare"),
        "by.operator": say("desk", "whoever runs Aftercare"),
        "did.answer_review": say("desk", "Replied to the review"),
        "did.edit_reply": say("desk", "Changed the reply"),
        "did.remove_reply": say("desk", "Took the reply back"),
        "did.retry_reply": say("desk", "Tried the reply again"),
        "did.ask_about_address": say("desk", "Asked about another address"),
        "did.move_store": say("desk", "Moved the store to another address"),
        "did.connected": say("desk", "Connected the store"),
        "did.reconnected": say("desk", "Connected the store again"),
        "did.uninstalled": say("desk", "Removed Aftercare from the store"),
        "did.lose_access": say("desk", "Lost access to the store"),
        "did.regain_access": say("desk", "Got into the store again"),
        "did.learn_facts": say("desk", "Changed what the store says of itself"),
        "did.mend": say("desk", "Mended the connection"),
        "did.ignore_fact": say("desk", "Set late news aside"),
        "did.invite": say("desk", "Invited somebody"),
        "did.open_desk": say("desk", "Came in for the first time"),
        "did.connect_source": say("desk", "Connected a source of reviews"),
        "did.disconnect_source": say("desk", "Disconnected a source of reviews"),
        "did.try_source": say("desk", "Tried a source of reviews again"),
        "did.lose_source_access": say("desk", "Lost access to a source of reviews"),
        "did.regain_source_access": say("desk", "Got into a source of reviews again"),
        "did.export_list": say("desk", "Asked for an export"),
        "did.fetch_export": say("desk", "Downloaded an export"),
        "did.privacy_export": say("desk", "Exported a shopper's data"),
        "did.privacy_retention": say("desk", "Erased what was kept long enough"),
        "did.privacy_store_erased": say("desk", "Erased the store's data"),
        "did.privacy_store_kept": say("desk", "Kept the store's data, since it came back"),
        "did.reseal": say("desk", "Sealed everything with the new key"),
    }


VERBS = (
    "answer_review ask_about_address ask_approval approve cancel change_policy change_role change_settings close "
    "confirm_sender connect_source connected contest decide_about_address decide_about_request decline "
    "deduct_lost_value disconnect_source discard_notice drop edit_reply export_list fetch_export goods_back "
    "hand_over_receipt ignore_fact inspect invite learn_facts let_keep lose_access lose_source_access mark_paid match "
    "mend move_store note_sent open_desk privacy_erase privacy_export privacy_retention privacy_store_erased "
    "privacy_store_kept prove_sent receive reconnected refund refuse regain_access regain_source_access remove_reply "
    "reopen reseal retract retry retry_job retry_reply send_notice set_delivery_cost set_label set_terms "
    "take_as_in_time try_connection try_source uninstalled uphold"
).split()
"""What the log can be filtered by."""
