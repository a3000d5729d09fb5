"""The Locust kit: what plays, what counts, and what judges. `../LOCUST.md` says how to use it."""
