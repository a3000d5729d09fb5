"""Accounts and logins: who somebody is, and for how long."""
