"""A deletion desk for tests: the program, as the wheel has it."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request


def command(*words):
    done = subprocess.run(
        [sys.executable, "-m", "rescind", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Desk:
    """A desk that runs."""

    def __init__(self, folder, *options):
        words = [sys.executable, "-m", "rescind", "--quiet", "serve", "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*words, "--desk", folder, *options], stderr=subprocess.PIPE, text=True
        )
        for line in self.process.stderr:
            if "listening on " in line:
                self.at = line.strip().split("listening on ")[1]
                break
        else:
            raise AssertionError("it did not start")
        create = ["serve", "token", "create", "--desk", folder, "--owner", "shop", "--role"]
        self.token = command(*create, "operator")

    def call(self, path, body=None, method=None):
        given = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        asked = urllib.request.Request(self.at + path, given, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise AssertionError(refused.read()) from refused

    def ask(self, person):
        body = {"subject_identities": [{"identity_value": person}]}
        return self.call("/v1/requests", body)["request_id"]

    def story(self, request):
        told = self.call(f"/v1/requests/{request}")
        return told["request_status"], {part["model"]: part for part in told["models"]}

    def until(self, request, so):
        """Looks at a request until it is so."""
        began = time.monotonic()
        while not so(*self.story(request)):
            assert time.monotonic() - began < 120, self.story(request)
            time.sleep(0.02)
        return self.story(request)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
