"""Code that two or more services need; it imports no service."""
