"""What a return keeps of the platform's own that stands for it there, and a withdrawal of being declared there."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

Conflict = Literal["", "approved", "declined", "canceled", "reopened", "refused", "not_followed"]
"""What happened at the platform that cannot be followed here; "refused": it would not do what was done here;
"not_followed": a step that it asks for is not possible here, so nothing of its news was taken over."""


class NativeColumns:
    """Columns of `Return`. A platform without returns of its own leaves them all empty."""

    source: Mapped[str] = mapped_column(default="", server_default="")
    """platform where it was begun there, "" where it was asked for here."""
    native_ref: Mapped[str] = mapped_column(default="", server_default="")
    """The platform's ref of its own return."""
    native_name: Mapped[str] = mapped_column(default="", server_default="")
    """What the platform calls it, such as "#1042-R1"."""
    native_url: Mapped[str] = mapped_column(default="", server_default="")
    """Where staff see it in the store's admin."""
    native_state: Mapped[str] = mapped_column(default="", server_default="")
    """Where it stands there, as the platform said last, or did when it was asked to."""
    native_status: Mapped[str] = mapped_column(default="", server_default="")
    """The platform's own word for that."""
    native_past: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """Refs of the platform's returns that stood for it before, declined or canceled there."""
    native_told: Mapped[str] = mapped_column(default="", server_default="")
    """Digest of the lines, fees, label and tracking that the platform has."""
    native_conflict: Mapped[str] = mapped_column(default="", server_default="")
    """A `Conflict` that staff have to settle; while it lasts the platform is told nothing of this return."""
    native_sentence: Mapped[str] = mapped_column(default="", server_default="")
    """The platform's own words where it refused."""

    @property
    def is_over_there(self) -> bool:
        """Whether the platform's return was declined or canceled: nothing can be done with it any more."""
        return self.native_state in ("declined", "canceled")

    def leave_native(self) -> None:
        """Let go of a platform's return that is over there: this one was taken up again, so a new one is opened.

        A conflict with the old one is settled by that; `tell_platform` closes its case.
        """
        if self.native_ref and (self.is_over_there or self.native_state == "closed"):
            self.native_past = [*self.native_past, self.native_ref]
            self.native_ref = self.native_name = self.native_url = self.native_state = self.native_status = ""
            self.native_told = ""


class DeclaredColumns:
    """Columns of `Withdrawal`."""

    source: Mapped[str] = mapped_column(default="", server_default="")
    """Where it was declared: "" here, "platform" in the store itself."""
    mailed: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    """Whether its receipt is mailed from here; one declared in the store itself may have been receipted there."""
