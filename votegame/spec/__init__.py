"""The machine-readable specification, generated from the types that the server itself uses.

`python -m votegame.spec`, or `make protocol`, writes JSON Schemas, the AsyncAPI and the OpenAPI document into
`protocol/`. They are committed; a test fails when they differ from what would be written now.
"""
