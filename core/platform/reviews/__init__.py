"""Reviews as a platform or another provider has them."""
