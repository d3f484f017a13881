"""The MQTT broker inside the process, for small sites and the demonstration; see docs/broker.md for larger fleets."""

from collector.broker.credentials import CredentialStore
from collector.broker.server import BrokerError, EmbeddedBroker

__all__ = ["BrokerError", "CredentialStore", "EmbeddedBroker"]
