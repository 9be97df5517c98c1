#!/usr/bin/env python3
"""Publishes form PA.20 through the gateway. Standard library only.

publish.py [FORM [KEY]]   KEY: the same again is the same request; a new one is made where it is left out
"""
import os
import pathlib
import sys
import time
import urllib.error
import urllib.request
import uuid

ATTEMPTS = 5


def publish(form: bytes, key: str) -> str:
    request = urllib.request.Request(
        os.environ["BEDELAU_GATEWAY_URL"] + "/v1/requests",
        data=form,
        headers={
            "Authorization": "Bearer " + os.environ["BEDELAU_TOKEN"],
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # 202: Kafka has it
        return answer.read().decode()


def main() -> int:
    here = pathlib.Path(__file__).resolve().parent
    form = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else here / "form.json").read_bytes()
    key = sys.argv[2] if len(sys.argv) > 2 else str(uuid.uuid4())
    for attempt in range(1, ATTEMPTS + 1):
        try:
            print(publish(form, key), end="")
            return 0
        except urllib.error.HTTPError as error:
            print(error.code, error.read().decode(), file=sys.stderr)
            if error.code != 503:
                return 1
        except OSError as error:  # no answer: it may have arrived, and the key makes the repeat harmless
            print(error, file=sys.stderr)
        if attempt < ATTEMPTS:
            time.sleep(attempt)
    return 1


if __name__ == "__main__":
    sys.exit(main())
