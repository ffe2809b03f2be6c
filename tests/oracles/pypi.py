"""Reads requests as JSON lines, and prints what PyPI's `twilio` says of each: {"accepts": …, "signature": …}."""

import json
import sys

from twilio.request_validator import RequestValidator


class Form(dict):
    """The fields of a form; one name may have several values."""

    def __init__(self, fields):
        super().__init__()
        for name, value in fields:
            self.setdefault(name, []).append(value)

    def getall(self, name):
        return self[name]


for line in sys.stdin:
    case = json.loads(line)
    validator = RequestValidator(case["token"])
    form = Form(case["form"] or [])
    params = form if case["body"] is None else case["body"]
    try:
        accepts = validator.validate(case["url"], params, case["signature"])
    except TypeError:
        # A body whose hash the URL does not name: it takes the text for a form, and fails.
        accepts = False
    print(json.dumps({"accepts": accepts, "signature": validator.compute_signature(case["url"], form)}))
