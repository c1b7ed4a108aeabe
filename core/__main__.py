"""python -m core serve | work | migrate | demo | doctor | trace | invite | role | staff."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from core.config import BadConfig
from core.ops import commands, staff_commands
from core.ops.signals import stop_on_signal
from core.stores import invitation


def main(arguments: list[str] | None = None) -> int:
    """Run one command; give its exit status. A wrong environment is one sentence, never a stack trace."""
    parser = argparse.ArgumentParser(prog="python -m core", description="Customer service after the sale.")
    parser.add_argument("--version", action="version", version=commands.VERSION)
    verbs = parser.add_subparsers(dest="verb", required=True)
    serve = verbs.add_parser("serve", help="answer HTTP")
    serve.add_argument("--bind", default=f"127.0.0.1:{os.environ.get('PORT', '8000')}")
    serve.add_argument("--workers", type=int, default=2)
    work = verbs.add_parser("work", help="do promised work, and run the clock")
    migrate = verbs.add_parser("migrate", help="bring the database to the newest schema")
    for verb in (serve, work, migrate):
        verb.add_argument("--wait", type=int, default=60, help="seconds to wait for a database that is away at start")
    demo = verbs.add_parser("demo", help="try it: sample stores, mailbox and desk on this machine")
    demo.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8321")))
    doctor = verbs.add_parser("doctor", help="say in sentences what is misconfigured")
    doctor.add_argument("--public", action="store_true", help="check what a marketplace would")
    trace = verbs.add_parser("trace", help="tell how an order came to be as it is")
    trace.add_argument("order", help="its number, or its id at the platform")
    trace.add_argument("--store", default="", help="the store's key, where several have such an order")
    _add_staff_verbs(verbs)
    chosen = parser.parse_args(arguments)
    try:
        return run(chosen)
    except BadConfig as error:
        print(error, file=sys.stderr)
        return 2


def _add_staff_verbs(verbs: Any) -> None:
    invite = verbs.add_parser("invite", help="let somebody in to a store's desk by a one-time link")
    invite.add_argument("store", help="the store's key, or its address at the platform")
    invite.add_argument("address", help="the person's e-mail address")
    invite.add_argument("role", choices=invitation.ROLES)
    invite.add_argument("--print", action="store_true", help="print the link although a mail server is set up")
    role = verbs.add_parser("role", help="raise or lower somebody's role; their sessions end")
    role.add_argument("store", help="the store's key, or its address at the platform")
    role.add_argument("person", help="their e-mail address, or their id at the platform; see `staff`")
    role.add_argument("role", choices=[*invitation.ROLES, invitation.TAKEN])
    staff = verbs.add_parser("staff", help="list a store's people")
    staff.add_argument("store", help="the store's key, or its address at the platform")


def run(chosen: argparse.Namespace) -> int:
    """Do what was asked."""
    if chosen.verb == "demo":
        from core.demo.run import run_demo

        return run_demo(chosen.port)
    config = commands.config_from(os.environ)
    if chosen.verb == "serve":
        return commands.serve(config, chosen.bind, chosen.workers, patience=chosen.wait)
    if chosen.verb == "work":
        return commands.work(config, stop_on_signal(), patience=chosen.wait)
    if chosen.verb == "migrate":
        return commands.migrate_database(config, patience=chosen.wait)
    if chosen.verb == "doctor":
        return commands.examine(config, public=chosen.public)
    if chosen.verb == "invite":
        return staff_commands.invite(config, chosen.store, chosen.address, chosen.role, only_print=chosen.print)
    if chosen.verb == "role":
        return staff_commands.set_role(config, chosen.store, chosen.person, chosen.role)
    if chosen.verb == "staff":
        return staff_commands.list_staff(config, chosen.store)
    return commands.trace_order(config, chosen.order, chosen.store)


if __name__ == "__main__":
    sys.exit(main())
