"""The agent: asks probes whether content is really playing and keeps the evidence."""
