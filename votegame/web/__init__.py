"""HTTP: accounts, health, metrics and the start page; everything that is not the WebSocket."""
