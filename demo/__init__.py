"""The whole product on one machine: a broker, a collector, a real agent and a small simulated fleet."""
