"""What agent and collector say to each other: messages, topics, states. No I/O."""
