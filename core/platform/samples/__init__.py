"""Sample platforms that list as real ones do: by operations that take their time, and by windows of time."""
