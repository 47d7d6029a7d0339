"""A service as an image has it: it says which revision it is, or fails as it is told to."""

import argparse
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("how")
parser.add_argument("--revision", type=int)
parser.add_argument("--log-folder")
given, _ = parser.parse_known_args()
if given.how == "broken":
    sys.exit("ModuleNotFoundError: No module named 'wrapper'")


if given.how == "slow":
    time.sleep(2)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        said = {"revision": given.revision, "greeting": os.environ.get("GREETING")}
        said["log_folder"] = given.log_folder
        said["password"] = os.environ.get("PASSWORD")
        status = 503 if given.how == "hanging" and "ready" in self.path else 200
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815


print(f"revision {given.revision} begins", flush=True)
port = int(os.environ["MLOPS_SERVING_PORT"])
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
