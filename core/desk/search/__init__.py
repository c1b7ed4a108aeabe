"""Find anything: the page that the search box on every page of the desk leads to."""
