"""The registry: which devices exist, since when, and which contract judges them."""
