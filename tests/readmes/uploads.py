"""Take uploads as an index does, on loopback, into the folder that pip looks into."""

from __future__ import annotations

import email.parser
import email.policy
import http.server
import os
import pathlib
import sys

FOLDER = pathlib.Path(os.environ["UPLOADS"])


class Index(http.server.BaseHTTPRequestHandler):
    """Answers the POST of twine and of its like."""

    def do_POST(self) -> None:
        """Keep the one file of the form under its name."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        for part in form.iter_parts():
            if name := part.get_filename():
                (FOLDER / pathlib.Path(name).name).write_bytes(part.get_payload(decode=True))
        self.send_response(200)
        self.end_headers()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
sys.stdout.write(f"taking uploads on http://127.0.0.1:{server.server_port}\n")
sys.stdout.flush()
server.serve_forever()
