"""What a command costs the server, measured against a bare floor in the same run: see loadtests/README.md."""
