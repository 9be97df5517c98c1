#!/usr/bin/env python3
"""Compares common/json with Python's jsonschema on generated documents: the same verdict on each, and on invalid ones
the same set of instance locations. Usage: differential.py PROGRAM [DOCUMENTS [SEED]]. Ends with "N passed, N failed"."""
import json
import random
import subprocess
import sys

import jsonschema

# Where the other side is known to differ, the generator stays away: its multipleOf works on binary fractions, and it
# reports unevaluated* and false schemas at the parent. Before 4.20 its unevaluated* is wrong in part.
UNEVALUATED = tuple(int(n) for n in getattr(jsonschema, "__version__", "0.0").split(".")[:2]) >= (4, 20)
PER_SCHEMA = 6
NAMES = ["a", "b", "c", "dd", "ee", "x1", "y/z", "kk~k"]
STRINGS = ["", "a", "b", "abc", "\u00e9", "\u65e5\u672c", "2026-01-01", "aaaa", "x1", "A1"]
TYPES = ["null", "boolean", "object", "array", "string", "integer", "number", ["string", "integer"],
         ["object", "array"], ["number", "null"]]


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.refs = []

    def value(self, depth=0):
        r = self.r
        k = r.randrange(12 if depth < 3 else 8)
        if k == 0:
            return None
        if k == 1:
            return r.choice([True, False])
        if k == 2:
            return r.choice([0, 1, 2, 3, -1, 5, 10, 2**53 + 1, -7])
        if k == 3:
            return r.choice([0.0, 1.0, 1.5, 2.25, -1.5, 3.0, 0.1, 0.3, 1e10, -0.0])
        if k <= 6:
            return r.choice(STRINGS)
        if k == 7:
            return r.choice([[], {}])
        if k <= 9:
            n = r.choice([0, 1, 2, 3, 3, 11]) if depth < 2 else r.randrange(3)
            return [self.value(depth + 1) for _ in range(n)]
        return {r.choice(NAMES): self.value(depth + 1) for _ in range(r.randrange(5))}

    def sub(self, depth):
        return self.schema(depth + 1) if depth < 3 else {"type": self.r.choice(TYPES)}

    def some(self, depth):
        return [self.sub(depth) for _ in range(self.r.randrange(1, 3))]

    def keyword(self, depth):
        """One keyword, sometimes with those that belong to it."""
        r = self.r
        sub = lambda: self.sub(depth)  # noqa: E731
        makers = [
            lambda: {"type": r.choice(TYPES)},
            lambda: {"type": r.choice(TYPES)},
            lambda: {"const": self.value(2)},
            lambda: {"enum": [self.value(2) for _ in range(3)]},
            lambda: {"multipleOf": r.choice([1, 2, 0.5, 0.25, 1.5, 3])},
            lambda: {"maximum": r.choice([0, 1, 2.5, 5, 2**53])},
            lambda: {"exclusiveMaximum": r.choice([0, 1, 2.5, 5])},
            lambda: {"minimum": r.choice([0, 1, 2.5, -5])},
            lambda: {"exclusiveMinimum": r.choice([0, 1, 2.5, -5])},
            lambda: {"maxLength": r.randrange(4)},
            lambda: {"minLength": r.randrange(4)},
            lambda: {"pattern": r.choice(["^a", "a+$", "^[a-z]*$", "1", "b|c", "^x1$"])},
            lambda: {"maxItems": r.randrange(4)},
            lambda: {"minItems": r.randrange(4)},
            lambda: {"uniqueItems": r.choice([True, True, False])},
            lambda: {"contains": sub()},
            lambda: {"contains": sub(), "minContains": r.randrange(3), "maxContains": r.randrange(1, 3)},
            lambda: {"maxProperties": r.randrange(4)},
            lambda: {"minProperties": r.randrange(4)},
            lambda: {"required": r.sample(NAMES, r.randrange(3))},
            lambda: {"dependentRequired": {r.choice(NAMES): r.sample(NAMES, 2)}},
            lambda: {"dependentSchemas": {r.choice(NAMES): sub()}},
            lambda: {"properties": {n: sub() for n in r.sample(NAMES, r.randrange(4))}},
            lambda: {"properties": {n: sub() for n in r.sample(NAMES, r.randrange(4))}},
            lambda: {"patternProperties": {r.choice(["^a", "d", "^.$", "1$"]): sub()}},
            lambda: {"additionalProperties": sub()},
            lambda: {"propertyNames": sub()},
            lambda: {"prefixItems": self.some(depth)},
            lambda: {"items": sub()},
            lambda: {"allOf": self.some(depth)},
            lambda: {"anyOf": self.some(depth)},
            lambda: {"oneOf": self.some(depth)},
            lambda: {"not": sub()},
            lambda: {"if": sub(), "then": sub(), "else": sub()},
            lambda: {"if": sub(), r.choice(["then", "else"]): sub()},
            lambda: {"$ref": r.choice(self.refs)},
        ]
        if UNEVALUATED:
            makers += [lambda: {"unevaluatedProperties": r.choice([False, sub()])},
                       lambda: {"unevaluatedItems": r.choice([False, sub()])}]
        return r.choice(makers)()

    def schema(self, depth=0):
        if depth and self.r.random() < 0.08:
            return self.r.choice([True, False])
        made = {}
        for _ in range(self.r.choice([1, 1, 2, 3])):
            made.update(self.keyword(depth))
        return made

    def root(self):
        self.refs = ["#/$defs/p"]  # q must not refer to itself in place: that has no end
        defs = {"p": {"type": "string", "minLength": 1}, "q": self.schema(2)}
        self.refs.append("#/$defs/q")
        return {**self.schema(), "$defs": defs}


def pointer(path):
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in path)


def difference(schema, instance, errors, ours):
    """What is wrong with our answer, or None."""
    valid, findings = ours
    if valid == bool(errors):
        return f"valid is {valid}, expected {not errors}"
    if any(f[1] == "false" for f in findings) or "unevaluated" in json.dumps(schema):
        return None
    want = {pointer(e.absolute_path) for e in errors}
    have = {f[0] for f in findings}
    return None if want == have else f"locations {sorted(have)}, expected {sorted(want)}"


def main():
    documents = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    gen = Generator(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    program = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    passed = failed = invalid = 0
    while passed + failed < documents and failed < 20:
        schema = gen.root()
        instances = [gen.value() for _ in range(PER_SCHEMA)]
        program.stdin.write(json.dumps([schema, *instances]) + "\n")
        program.stdin.flush()
        answer = json.loads(program.stdout.readline())
        validator = jsonschema.Draft202012Validator(schema)
        for i, instance in enumerate(instances):
            errors = list(validator.iter_errors(instance))
            why = answer if isinstance(answer, str) else difference(schema, instance, errors, answer[i])
            invalid += bool(errors)
            passed += not why
            failed += bool(why)
            if why:
                print(f"FAILED: {why}: {json.dumps(instance)} against {json.dumps(schema)}")
    program.stdin.close()
    failed += program.wait() != 0
    print(f"{invalid} of the documents were invalid")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not invalid or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
