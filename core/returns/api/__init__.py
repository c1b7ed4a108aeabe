"""The shopper's HTTP interface of returns and withdrawals."""
