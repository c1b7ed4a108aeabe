"""How a store's connection stands: its access, its health, and what its owner is told."""
