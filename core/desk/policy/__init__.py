"""The desk's pages about the return policy."""
