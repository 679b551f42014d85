"""All that reaches the network: fetching, consent, and which addresses are let in."""
