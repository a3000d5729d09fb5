"""The wire: pure translation between text and values. Nothing here waits, asks the time, or knows a socket."""
