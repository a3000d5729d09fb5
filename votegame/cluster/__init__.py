"""Nodes: leases, claims, and the router that finds the owner of a room."""
