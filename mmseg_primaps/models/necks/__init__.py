"""Necks: projection heads of other methods, whose codes take the place of backbone features."""
