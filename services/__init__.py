"""The services: gateway, three stages, reconciler, and the commands that start them."""
