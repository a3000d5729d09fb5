"""Load tests and measurements. They know the published protocol, and nothing of the package."""
