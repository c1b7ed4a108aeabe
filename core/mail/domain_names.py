"""Domain names with letters outside ASCII, in the form mail servers take."""

from __future__ import annotations

import idna

# Letters that IDNA 2003 wrote as others and IDNA 2008 keeps (UTS 46, section 7): ß, final sigma and the two joiners.
_DEVIATIONS = frozenset("\u00df\u1e9e\u03c2\u200c\u200d")


def ascii_domain(domain: str) -> str:
    """Give a domain in lower-case ASCII by IDNA 2008 ("straße.de" is "xn--strae-oqa.de"). Raises UnicodeError.

    What IDNA 2008 forbids and IDNA 2003 allowed, such as emoji, is written the old way where both would agree.
    """
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError:
        if _DEVIATIONS & set(domain):
            raise
        return domain.encode("idna").decode("ascii").lower()


def unicode_domain(domain: str) -> str:
    """Give a domain with the letters its ASCII form stands for. Raises UnicodeError."""
    return idna.decode(ascii_domain(domain))
