"""What every HTTP handler shares: the request's context and the headers of each answer. Below the slices."""
