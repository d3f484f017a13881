"""The way in: what arrives is read, weighed, taken in turns and put into the ledger; what is wrong is refused."""
