"""E-mail in both directions: compose, lay out and send it; read bounces and replies."""
