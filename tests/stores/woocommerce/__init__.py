"""A WooCommerce store on this machine, answering as a recorded one did (WooCommerce 10.5.0, 2026-11-21).

`with serving(Store(loopback=True)) as url:` gives tests a store to talk to; `python -m tests.stores.woocommerce`
runs the demo's.
"""

from .manners import KINDS
from .server import serving
from .shapes import Line, make_order
from .store import Store

__all__ = ["KINDS", "Line", "Store", "make_order", "serving"]
