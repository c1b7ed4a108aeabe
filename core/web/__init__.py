"""Routes that belong to no slice: webhooks, installs, the proxy, inbound mail, health and the widget's files."""
