"""OPC-UA: sessions that are made again after every break, subscriptions, certificates."""
