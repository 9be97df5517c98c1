"""An OpenAPI document as a judge: is this answer one that the document promises? It remembers what it has seen, so that a
test can ask for everything that is promised."""
import datetime
import json
import pathlib
import re

import jsonschema
import yaml

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"
BASE = "https://bedelau.batam.go.id/schemas/"
# what every path may answer, whatever the operation: the document's description says so
ANYWHERE = {400, 404, 405}


def _load(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def _documents():
    return {BASE + str(p.relative_to(SCHEMAS)): _load(p)
            for pattern in ("*.yaml", "events/*.json", "forms/*.schema.json") for p in SCHEMAS.glob(pattern)}


formats = jsonschema.FormatChecker(formats=())


@formats.checks("date-time", ValueError)
def _date_time(value):
    if isinstance(value, str):
        # what Python 3.11 reads and RFC 3339 does not allow is caught by the pattern
        datetime.datetime.fromisoformat(value)
        return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value) is not None
    return True


class Schemas:
    """The schemas folder; every $ref between its files resolves."""

    def __init__(self):
        self.store = _documents()

    def errors(self, where, schema, value):
        """What is wrong with `value` by a schema that stands in file `where`."""
        resolver = jsonschema.RefResolver(BASE + where, self.store[BASE + where], store=self.store)
        judge = jsonschema.Draft202012Validator(schema, resolver=resolver, format_checker=formats)
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in judge.iter_errors(value)]

    def event_errors(self, event):
        """By the envelope's schema and its type's."""
        kind = event["type"].removeprefix("id.go.batam.bedelau.")
        found = []
        for name, value in (("envelope", event), (kind, event["data"])):
            where = f"events/{name}.schema.json"
            found += self.errors(where, self.store[BASE + where], value)
        return found


class Contract(Schemas):
    def __init__(self, name):
        super().__init__()
        self.name, self.doc = name, self.store[BASE + name]
        self.seen = set()

    def promised(self):
        """{(operationId, status)}"""
        return {(op["operationId"], int(status)) for item in self.doc["paths"].values() for method, op in item.items()
                if method in ("get", "put", "post", "delete") for status in op["responses"]}

    def operation(self, method, path):
        method = "get" if method == "HEAD" else method.lower()
        for template, item in self.doc["paths"].items():
            if method in item and re.fullmatch(re.sub(r"{[^}]*}", "[^/]+", template), path.partition("?")[0]):
                return item[method]
        return None

    def deref(self, node):
        while "$ref" in node:
            at = self.doc
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            node = at
        return node

    def check(self, method, path, answer):
        """`answer` has status, headers (lower-case names) and body."""
        op = self.operation(method, path)
        told = f"{method} {path[:80]}: {answer.status} {answer.headers} {answer.body[:300]!r}"
        if op is None or str(answer.status) not in op["responses"]:
            assert answer.status in ANYWHERE, f"not promised: {told}"
            return self.check_body({"content": self.deref({"$ref": "#/components/responses/Salah"})["content"]}, method,
                                   answer, told)
        self.seen.add((op["operationId"], answer.status))
        return self.check_body(self.deref(op["responses"][str(answer.status)]), method, answer, told)

    def check_body(self, promise, method, answer, told):
        for name in promise.get("headers", {}):
            assert answer.headers.get(name.lower()), f"header {name} is missing: {told}"
        media = answer.headers["content-type"].partition(";")[0]
        content = promise["content"].get(media) or promise["content"].get("*/*")
        assert content, f"media type: {told}"
        if media.endswith("json") and method != "HEAD":
            value = json.loads(answer.body)
            assert not (bad := self.errors(self.name, content["schema"], value)), f"{bad}: {told}"
            assert value["status"] == answer.status if media == "application/problem+json" else True, told
