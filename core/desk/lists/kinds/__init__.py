"""The desk's lists, one module each: orders, returns, withdrawals, reviews, cases and messages."""
