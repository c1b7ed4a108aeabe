"""The desk's pages about reviews."""
