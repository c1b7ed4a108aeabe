"""Checks an installation and says in sentences what is wrong; `reachability.py` checks it from outside."""

from __future__ import annotations

import http.client
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.app import installed_platforms, make_services
from core.config import BadConfig, Config
from core.conversations import raw_mail
from core.db.base import SYSTEM
from core.db.purpose import Purpose
from core.jobs import claims, scheduler
from core.jobs.queue import Job
from core.ops import reachability
from core.orders import email_digests
from core.platform.contract import Platform
from core.privacy import key_rotation
from core.schema import migrate
from core.secrets import ADVICE, weakness
from core.services import Services
from core.stores import audit, housekeeping
from core.stores.model import AuditEntry, Store
from core.stores.tokens import LINK_LIFE

MOST_SKEW = timedelta(seconds=5)
"""Forwarded requests are good for 60 s: a clock this far off has used up a part of that."""
LONGEST_WAIT = timedelta(minutes=5)
_CLOCK = "clock.sweep"
_MISSED_SLOTS = 3


@dataclass(frozen=True, slots=True)
class Findings:
    """`problems` are to be mended; `advice` is to be known: an installation with advice alone is healthy."""

    problems: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)


def find_problems(
    config: Config, *, public: bool, platforms: Mapping[str, type[Platform]] | None = None, ca_file: str | None = None
) -> Findings:
    """Look at configuration, logs, database, clock, worker, jobs, stores and keys.

    With `public` also at what a marketplace would: one request to our own public address, one greeting to the mail
    server, no mail. `ca_file` names certificates to trust there instead of the usual ones. Reads every order once
    while there is an older key.
    """
    findings = Findings(_config_problems(config) + _log_problems())
    try:
        services = make_services(config, platforms)
    except BadConfig as error:
        findings.problems.append(str(error))
    except sa.exc.SQLAlchemyError as error:
        findings.problems.append(silent_database(error))
    else:
        try:
            _check_database(services, findings)
        except sa.exc.SQLAlchemyError as error:
            findings.problems.append(silent_database(error))
        finally:
            services.db.close()
    if public:
        known = installed_platforms() if platforms is None else platforms
        findings.problems.extend(public_problems(config, known) + reachability.find_problems(config, ca_file=ca_file))
        findings.advice.extend(public_advice(config, known) + reachability.mail_records(config))
    return findings


def silent_database(error: Exception) -> str:
    """Say that the database does not answer. The error's own text may hold its address, user and password."""
    return f"The database does not answer ({type(error).__name__}). Check AFTERCARE_DATABASE_URL."


def _config_problems(config: Config) -> list[str]:
    problems = weak_tokens(config)
    if not config.smtp_url.get_secret_value():
        problems.append("No mail server is set up: notices wait. Set AFTERCARE_SMTP_URL.")
    if config.mail_from.endswith("@localhost"):
        problems.append("Messages would come from localhost. Set AFTERCARE_MAIL_FROM to an address at your domain.")
    if not config.inbound_token.get_secret_value():
        problems.append("Bounces and replies cannot be handed over. Set AFTERCARE_INBOUND_TOKEN.")
    return problems


def weak_tokens(config: Config) -> list[str]:
    """Say which of the two tokens that open a door is easy to guess, or opens another door as well.

    A token that is not set opens nothing. The keys themselves are judged where the keyring is made.
    """
    problems, used = [], dict.fromkeys(config.keys, "a key in AFTERCARE_SECRET_KEYS")
    tokens = {"AFTERCARE_INBOUND_TOKEN": config.inbound_token, "AFTERCARE_METRICS_TOKEN": config.metrics_token}
    for name, sealed in tokens.items():
        token = sealed.get_secret_value()
        found = f"is the same as {used[token]}" if token in used else weakness(token)
        if token and found:
            problems.append(f"{name} {found}. {ADVICE}")
        used[token] = name
    return problems


def _log_problems() -> list[str]:
    """Say what would write queries or credentials into the log; every process sets up its logs like this one."""
    problems = []
    if logging.getLogger("urllib3").isEnabledFor(logging.DEBUG):
        problems.append("urllib3 logs the addresses it calls. Set its log level to WARNING.")
    if http.client.HTTPConnection.debuglevel:
        problems.append("http.client prints every request with its credentials. Set its debuglevel to 0.")
    return problems


def _check_database(services: Services, findings: Findings) -> None:
    if not migrate.is_current(services.db):
        findings.problems.append("The database is not on the newest schema. Run: python -m core migrate")
        return
    now = services.clock()
    # Counts over all stores, and no row of a shopper's: what the database's owner may know.
    with services.db.system(Purpose.INSPECT, write=False) as session:
        stores = session.scalars(sa.select(Store).order_by(Store.id)).all()
        findings.problems.extend(clock_problems(session, datetime.now(UTC)))
        findings.problems.extend(_work_problems(session, stores, now))
    findings.problems.extend(_store_problems(stores))
    findings.problems.extend(audit_problems(services, stores))
    _check_keys(services, stores, findings)


def clock_problems(session: Session, now: datetime) -> list[str]:
    """Compare `now`, this machine's time, with the database's; SQLite's is this machine's own."""
    if session.get_bind().dialect.name == "sqlite":
        return []
    theirs: datetime = session.execute(sa.text("select clock_timestamp()")).scalar_one()
    skew = (theirs - now).total_seconds()
    if abs(skew) < MOST_SKEW.total_seconds():
        return []
    which = "behind" if skew > 0 else "ahead of"
    return [f"This machine's clock is {abs(skew):.0f} s {which} the database's. Let both follow a time server."]


def _work_problems(session: Session, stores: Sequence[Store], now: datetime) -> list[str]:
    problems = []
    ticked = session.scalar(sa.select(sa.func.max(Job.created_at)).where(Job.store_id == SYSTEM, Job.kind == _CLOCK))
    if ticked is None:
        problems.append("No worker has ever run here. Start one: python -m core work")
    elif now - ticked > _MISSED_SLOTS * scheduler.TABLE[_CLOCK]:
        problems.append(f"No worker has been heard of for {_duration(now - ticked)}. Start one: python -m core work")
    waited = timedelta(seconds=claims.oldest_waiting(session, now=now))
    if waited > LONGEST_WAIT:
        problems.append(
            f"The oldest due job has waited {_duration(waited)}. Start more workers, or see why they are slow."
        )
    stuck = sa.select(Job.store_id, sa.func.count()).where(Job.state == "stuck").group_by(Job.store_id)
    names = {store.id: f"of store {store.key} are" for store in stores} | {SYSTEM: "of the clock are"}
    for store_id, count in session.execute(stuck.order_by(Job.store_id)):
        problems.append(f"{count} jobs {names.get(store_id, 'of a store that is gone are')} stuck; its desk says why.")
    return problems


def _store_problems(stores: Sequence[Store]) -> list[str]:
    return [f"Store {store.key} is closed: {store.state_reason}" for store in stores if store.state == "closed"]


def audit_problems(services: Services, stores: Sequence[Store]) -> list[str]:
    """Name the stores whose audit log was changed by something else than this program."""
    problems = []
    for store in stores:
        with services.db.transaction(store.id, write=False) as session:
            link = audit.verify_chain(session)
        if link is not None:
            problems.append(
                f"Store {store.key}: its audit log does not hold at entry {link.seq} ({link.why}). Somebody changed "
                "the database by hand, or restored a part of it: compare it with an older backup."
            )
    return problems


def _check_keys(services: Services, stores: Sequence[Store], findings: Findings) -> None:
    """Say what older keys still hold, and when they may leave."""
    keyring = services.keyring
    lost = [store for store in stores if housekeeping.is_unreadable(store, keyring)]
    if lost:
        findings.problems.append(
            f"{len(lost)} stores are sealed with a key that is not in AFTERCARE_SECRET_KEYS. Put it back, behind the "
            "first, or let them connect again."
        )
    if len(services.config.keys) < 2:
        return
    stale = sum(any(map(keyring.needs_resealing, housekeeping.sealed_in(store).values())) for store in stores)
    digests, mails, walked = 0, 0, None
    for store in stores:
        with services.db.transaction(store.id, write=False) as session:
            digests += email_digests.count_stale_digests(session, store.id, keyring)
            mails += raw_mail.count_stale_mails(session, keyring)
            verbs = (key_rotation.RESEALED, key_rotation.RESEALED_BEFORE_CHAIN)
            noted = sa.select(sa.func.max(AuditEntry.at)).where(AuditEntry.what.in_(verbs))
            walked = max(filter(None, (walked, session.scalar(noted))), default=None)
    if stale or digests or mails:
        what = f"{stale} stores, the addresses of {digests} orders and {mails} mails of shoppers"
        findings.advice.append(f"{what} still need an older key. Workers renew them within hours; keep it until then.")
    else:
        findings.advice.append(_old_keys_advice(walked))


def _old_keys_advice(walked: datetime | None) -> str:
    if walked is None:
        return "Nothing needs the older keys of AFTERCARE_SECRET_KEYS: they may leave."
    day = (walked + LINK_LIFE).date()
    return (
        "Nothing is sealed or digested with an older key any more. It may leave AFTERCARE_SECRET_KEYS today if it is "
        f"known to others; links mailed under it work until it does, and the last of them ends on {day}."
    )


def public_problems(config: Config, platforms: Mapping[str, type[Platform]]) -> list[str]:
    """Say what a public installation lacks: a way to its figures, and the other half of a platform's settings."""
    problems = []
    if not config.metrics_token.get_secret_value():
        problems.append("Nobody can read /metrics. Set AFTERCARE_METRICS_TOKEN.")
    for name, platform in platforms.items():
        missing = _missing(config, name, platform)
        if missing and len(missing) < len(platform.app_settings):
            problems.append(f"{platform.title} is half set up. It still needs {' and '.join(missing)}.")
    return problems


def public_advice(config: Config, platforms: Mapping[str, type[Platform]]) -> list[str]:
    """Say what a public installation cannot do as it is set up."""
    advice = []
    if config.database_url.startswith("sqlite"):
        advice.append("SQLite serves one machine. For several, set AFTERCARE_DATABASE_URL to a PostgreSQL.")
    for name, platform in platforms.items():
        missing = _missing(config, name, platform)
        if missing and len(missing) == len(platform.app_settings):
            advice.append(f"{platform.title} is not offered: it needs {' and '.join(missing)}.")
    return advice


def _missing(config: Config, name: str, platform: type[Platform]) -> list[str]:
    given = config.app_settings.get(name, {})
    return [f"AFTERCARE_{name}_{key}".upper() for key in platform.app_settings if not given.get(key)]


def _duration(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 180 else f"{minutes // 60} hours"
