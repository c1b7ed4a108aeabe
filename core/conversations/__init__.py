"""Cases: what a person of the merchant's has to answer, and the thread it came in."""
