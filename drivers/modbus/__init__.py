"""Modbus over TCP, TLS, RTU and serial lines: jobs on one link, the fewest reads, writes first."""
