"""The conformance kit: the transcripts of `protocol/`, played against a server or against a client."""
