"""Model folders, their cards and the networks in them."""
