"""The pure rules of shipping: promises, forecast, which notice is due, and when it may be sent."""
