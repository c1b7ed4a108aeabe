"""What several plugins need around their calls: limits, listings by time, large files, and doing a thing once."""
