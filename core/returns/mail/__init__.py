"""Letters about returns, cancellations and withdrawals."""
