"""What staff look at: today, orders, notices, coverage, stuck work, settings. May read every slice; nobody reads it."""
