"""What a page of the desk says to the browser inside a platform's admin: its policy, its head, the page before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import structlog
from flask import Response, g, make_response, render_template
from markupsafe import Markup

from core.http import headers
from core.platform.contract import AdminShell, HeadTag
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import app_settings_of

log = structlog.get_logger()

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_SOURCE = re.compile(rf"https://(\*\.)?({_LABEL}\.)+{_LABEL}(:[0-9]{{1,5}})?", re.IGNORECASE)
"""An https origin, or all below one. Nothing else may enter the policy: no other scheme, no path, no further word."""


_ATTRIBUTE = re.compile(r"(?!on)[a-z][a-z-]*")


def head_tag(tag: HeadTag) -> Markup:
    """Write a tag of a shell's head. Raises ValueError for an attribute that would hold a script."""
    if wrong := [name for name in tag.attributes if not _ATTRIBUTE.fullmatch(name)]:
        raise ValueError(f"{wrong[0]!r} is no attribute of a tag in a page's head")
    written = Markup("").join(Markup(' {}="{}"').format(name, value) for name, value in tag.attributes.items())
    return Markup("<{0}{1}>{2}").format(tag.name, written, Markup("</script>") if tag.name == "script" else "")


def shell_for(app: Services, store: Store) -> AdminShell:
    """Give the shell of a store's pages; a source that is no https origin is left out and logged."""
    return shell_at(app, store.platform, store.ref)


def shell_at(app: Services, platform: str, ref: str) -> AdminShell:
    """Give the same for the store at a ref, which need not be connected."""
    shell = app.platforms[platform].admin_shell(app_settings_of(app, platform), ref)
    return replace(
        shell,
        script_sources=_origins(platform, ref, shell.script_sources),
        style_sources=_origins(platform, ref, shell.style_sources),
        frame_ancestors=_origins(platform, ref, shell.frame_ancestors),
    )


def _origins(platform: str, ref: str, sources: Sequence[str]) -> tuple[str, ...]:
    kept = tuple(source for source in sources if _SOURCE.fullmatch(source))
    if len(kept) < len(sources):
        log.error("shell_source_left_out", platform=platform, ref=ref)
    return kept


def wear(shell: AdminShell) -> None:
    """Let this request's answer be a page of this shell."""
    g.shell = shell


def dress(response: Response) -> Response:
    """Set the policy of a page in its shell; a page that is in none gets the one that nobody may frame."""
    shell: AdminShell | None = g.get("shell")
    if shell is not None and response.mimetype == "text/html":
        sources = (shell.script_sources, shell.style_sources, shell.frame_ancestors)
        policy = headers.page_policy(*sources, fetches_images=shell.identity != "session")
        response.headers["Content-Security-Policy"] = policy
    return response


def entrance(shell: AdminShell, target: str, *, token: str = "") -> Response:
    """Give the page that shows nothing of a store: it loads the platform's script and fetches `target` with what says
    who asks. `token` is one of ours to begin with; it stands in the page, never in an address."""
    wear(shell)
    return make_response(render_template("desk/entrance.html", shell=shell, target=target, token=token))
