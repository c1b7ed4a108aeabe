"""What every page and route shares: plain requests for plugins, languages, throttles, and the page's headers."""
