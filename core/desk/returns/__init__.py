"""The desk's pages about returns, payments and withdrawals."""
