"""What every HTTP handler shares: request context, response headers and errors. Slices import it, it imports none."""
