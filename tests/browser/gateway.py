"""A gateway of its own, an upstream that takes everything, and senders that sign by the providers' documentation."""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

TOKEN = "operator-token-of-the-browser-tests"
SECRETS = {"github": "github-secret-of-the-tests", "stripe": "whsec_stripe_secret_of_the_tests", "shopify": "shopify-secret-of-the-tests"}
CONFIG = """state_dir = "state"

[[listener]]
bind = "127.0.0.1:{public}"
plaintext = "trusted-proxy"
trusted_proxies = ["127.0.0.0/8"]

[admin]
bind = "127.0.0.1:{admin}"
token = {{ file = "admin.token" }}

[replay]
store = "memory"
capacity = 10000
cold_start = "accept"

[audit]
output = "audit.jsonl"
"""
INTEGRATION = """
[integration.{name}]
provider = "{provider}"
owner = "{name}-team@example.com"
path = "/hooks/{name}"
upstream = "http://127.0.0.1:{upstream}/"
secrets = [ {secrets} ]
"""


def free_port():
    """A port that nobody has now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Upstream(http.server.BaseHTTPRequestHandler):
    """Takes everything; serves a page of another site to whoever asks with GET."""

    protocol_version = "HTTP/1.1"
    page = b"<!doctype html><title>another site</title>"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(b"taken", "text/plain")

    def do_GET(self):
        self.answer(self.page, "text/html")

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


class Gateway:
    """The real binary in a directory of its own."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        threading.Thread(target=self.upstream.serve_forever, daemon=True).start()
        self.public, self.admin = free_port(), free_port()
        self.process = self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.admin}"

    def start(self):
        place = pathlib.Path(self.directory.name)
        text = CONFIG.format(public=self.public, admin=self.admin)
        for name, provider in [("code", "github"), ("orders", "shopify"), ("payments", "stripe")]:
            (place / f"{name}.secret").write_text(SECRETS[provider])
            secrets = f'{{ id = "2026-q4", file = "{name}.secret" }}'
            if name == "payments":
                (place / "old.secret").write_text("whsec_" + "o" * 32)
                secrets += ', { id = "2026-q3", file = "old.secret", not_before = 2026-07-01T00:00:00Z, not_after = 2126-12-01T00:00:00Z }'
            if name == "orders":
                (place / "expired.secret").write_text("x" * 32)
                secrets += ', { id = "2025-q1", file = "expired.secret", not_after = 2025-04-01T00:00:00Z }'
            text += INTEGRATION.format(name=name, provider=provider, upstream=self.upstream.server_port, secrets=secrets)
        (place / "hookward.toml").write_text(text)
        (place / "admin.token").write_text(TOKEN)
        binary = pathlib.Path(os.environ["HOOKWARD_BINARY"]).absolute()
        with open(place / "log", "w") as log:
            process = subprocess.Popen([binary, "serve"], cwd=place, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while time.monotonic() < until and process.poll() is None:
            try:
                if self.ask("/readyz")[0] == 200:
                    return process
            except OSError:
                time.sleep(0.05)
        process.kill()
        raise RuntimeError("the gateway did not start:\n" + (place / "log").read_text())

    def ask(self, path, host=None):
        """A GET on the admin listener."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=10)
        connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{self.admin}"})
        answer = connection.getresponse()
        found = answer.status, answer.read().decode()
        connection.close()
        return found

    def order(self, verb, name, body):
        """A changing call, as an operator makes it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=10)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        connection.request("POST", f"/api/v1/integrations/{name}/{verb}", json.dumps(body), headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def post(self, path, headers, body):
        """A request to the public listener; the path is sent as it stands."""
        connection = http.client.HTTPConnection("127.0.0.1", self.public, timeout=10)
        connection._validate_path = lambda _: None  # what an attacker sends is no valid path
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", **headers}
        connection.request("POST", path, body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def github(self, event="push", delivery=None, secret=SECRETS["github"], path="/hooks/code"):
        """A delivery that was never sent before."""
        delivery = delivery or os.urandom(16).hex()
        body = json.dumps({"nonce": os.urandom(8).hex()}).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": f"sha256={signature}"}
        return self.post(path, {**headers, "Content-Type": "application/json"}, body)

    def stripe(self, event="invoice.paid", secret=SECRETS["stripe"], signed_at=None):
        at = int(signed_at or time.time())
        body = json.dumps({"id": "evt_" + os.urandom(8).hex(), "object": "event", "type": event}).encode()
        signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        return self.post("/hooks/payments", {"Stripe-Signature": f"t={at},v1={signature}", "Content-Type": "application/json"}, body)

    def shopify(self, topic="orders/create"):
        body = json.dumps({"nonce": os.urandom(8).hex()}).encode()
        signature = base64.b64encode(hmac.new(SECRETS["shopify"].encode(), body, hashlib.sha256).digest()).decode()
        headers = {"X-Shopify-Hmac-Sha256": signature, "X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": os.urandom(16).hex()}
        return self.post("/hooks/orders", {**headers, "Content-Type": "application/json"}, body)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.upstream.shutdown()
        self.upstream.server_close()
        self.directory.cleanup()
