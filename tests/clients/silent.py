"""An endpoint that accepts and says nothing. Prints its port; ends with its input."""

import socket
import sys

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
