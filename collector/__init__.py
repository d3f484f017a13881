"""The collector: evidence from the wire becomes the contract's figures."""
