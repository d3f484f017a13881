"""The erasure of a tenant after its contract's term, with a certificate of what was erased."""
