"""Commands that measure the budgets and print ratios; nothing imports them. See README.md."""
