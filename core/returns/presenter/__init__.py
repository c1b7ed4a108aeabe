"""Returns and withdrawals as their shopper reads them."""
