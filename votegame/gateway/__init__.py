"""The WebSocket route: sockets, their limits, and their share of what leaves the rooms. It never knows a rule."""
