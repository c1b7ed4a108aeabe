"""The shopper's JSON of exchanges: what the store has instead of a line, each with its difference in price."""

from __future__ import annotations
