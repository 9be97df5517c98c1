"""The command-line validator, as a shell and as Bowtie use it. Needs neither Kafka nor Postgres."""
import contextlib
import json
import os
import pathlib
import re
import subprocess

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("BEDELAU_TEST_JSONSCHEMA", str(ROOT / "build/bin/bedelau-jsonschema"))
SUITE = ROOT / "tests/suite/jsonschema"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
START = {"cmd": "start", "version": 1}
LIMIT_S = 120  # for what has to end at all; none of it takes a tenth of that
POINTER = {"type": "string", "pattern": "^(/([^~/]|~[01])*)*$"}
UNIT = {
    "type": "object",
    "required": ["valid", "keywordLocation", "absoluteKeywordLocation", "instanceLocation", "error"],
    "additionalProperties": False,
    "properties": {
        "valid": {"const": False},
        "keywordLocation": POINTER,
        "absoluteKeywordLocation": {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:[!-~]*#[!$-~]*$"},
        "instanceLocation": POINTER,
        "error": {"type": "string", "minLength": 1, "maxLength": 400},
    },
}
UNITS = jsonschema.Draft202012Validator({"type": "array", "items": UNIT})


def run(*args, text="", code=0):
    """Runs the program; (stdout, stderr) when it ends with `code`."""
    done = subprocess.run([PROGRAM, *map(str, args)], input=text, capture_output=True, text=True, timeout=LIMIT_S,
                          check=False)
    assert done.returncode == code, (args, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout, done.stderr


@pytest.fixture
def write(tmp_path):
    def to(name, value):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return path

    return to


def basic(schema, file, *args, code=1):
    """The line of --output basic, held to its shape."""
    out, _ = run("validate", "--output", "basic", *args, schema, file, code=code)
    assert out.count("\n") == 1
    line = json.loads(out)
    UNITS.validate(line.get("errors", [])[:2000])  # of more the first tell enough
    return line


# ---- validate -------------------------------------------------------------------------------------------------------

def test_verdicts_for_people(write):
    schema = write("s.json", {"type": "object", "required": ["a"], "properties": {"b": {"minimum": 3}}})
    good, bad = write("good.json", {"a": 1}), write("bad.json", {"b": 2})
    assert run("validate", schema, good) == (f"{good}: valid\n", "")
    assert run("validate", schema, good, bad, good, code=1) == (
        f"{good}: valid\n{bad}: invalid\n"
        f"  /b: must be at least 3 [minimum at file://{schema}#/properties/b/minimum]\n"
        f'  (root): must have the property "a" [required at file://{schema}#/required]\n'
        f"{good}: valid\n", "")
    assert run("validate", schema, "-", text='{"a":0}')[0] == "-: valid\n"
    assert run("validate", "-", good, text="false", code=1)[0].startswith(f"{good}: invalid\n  (root): must not be there")
    assert run("validate", f"{schema}#/properties/b", write("n.json", 2), code=1)[0].endswith("#/properties/b/minimum]\n")


def test_control_characters_reach_no_terminal(write):
    schema = write("s.json", {"additionalProperties": False})
    out, _ = run("validate", schema, write("i.json", {"\x1b[2J\x9b": 1, "ü": 2}), code=1)
    assert '"\\x1b[2J\\x9b"' in out and '"ü"' in out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)


def test_flag_and_basic(write):
    schema = write("s.json", {
        "properties": {"list": {"items": {"$ref": "#/$defs/point"}}, "a b%#": {"type": "null"},
                       "in": {"$id": "https://example.org/in", "maximum": 1}},
        "propertyNames": {"maxLength": 5},
        "$defs": {"point": {"required": ["y"]}},
    })
    bad = write("bad.json", {"list": [{"y": 1}, {"x": 1}], "a b%#": 1, "in": 2, "too long": 3})
    good = write("good.json", {"in": 1})
    assert run("validate", "--output", "flag", schema, bad, good, code=1) == ('{"valid":false}\n{"valid":true}\n', "")
    assert basic(schema, good, code=0) == {"valid": True}
    line = basic(schema, bad)
    here = f"file://{schema}"
    assert set(line) == {"valid", "errors"} and line["valid"] is False
    assert sorted((u["keywordLocation"], u["absoluteKeywordLocation"], u["instanceLocation"], u["error"])
                  for u in line["errors"]) == [
        ("/properties/a b%#/type", f"{here}#/properties/a%20b%25%23/type", "/a b%#", 'must be of type "null"'),
        ("/properties/in/maximum", "https://example.org/in#/maximum", "/in", "must be at most 1"),
        ("/properties/list/items/$ref/required", f"{here}#/$defs/point/required", "/list/1",
         'must have the property "y"'),
        ("/propertyNames/maxLength", f"{here}#/propertyNames/maxLength", "",
         'the name "too long" must have at most 5 characters'),
    ]


SENTENCES = [
    ({"const": {"a": 1}}, 1, 'must be {"a":1}'),
    ({"enum": [1, "x"]}, 2, 'must be one of [1,"x"]'),
    ({"multipleOf": 0.1}, 0.25, "must be a multiple of 0.1"),
    ({"exclusiveMaximum": 1}, 1, "must be less than 1"),
    ({"exclusiveMinimum": 1}, 1, "must be greater than 1"),
    ({"maxLength": 1}, "ab", "must have at most 1 characters"),
    ({"minLength": 3}, "ab", "must have at least 3 characters"),
    ({"pattern": "^é+$"}, "ab", 'must match the pattern "^é+$"'),
    ({"maxItems": 1}, [1, 2], "must have at most 1 items"),
    ({"minItems": 1}, [], "must have at least 1 items"),
    ({"uniqueItems": True}, [1, 1.0], "must not have two equal items"),
    ({"contains": False}, [1], "must have an item that matches"),
    ({"contains": True, "maxContains": 1}, [1, 1], "must have at most 1 items that match"),
    ({"contains": True, "minContains": 2}, [1], "must have at least 2 items that match"),
    ({"items": False}, [1], "must not have more items"),
    ({"unevaluatedItems": False}, [1], "must not have items that nothing else has evaluated"),
    ({"maxProperties": 0}, {"a": 1}, "must have at most 0 properties"),
    ({"minProperties": 1}, {}, "must have at least 1 properties"),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, 'must have the property "b"'),
    ({"dependencies": {"a": ["b"]}}, {"a": 1}, 'must have the property "b"'),
    ({"additionalProperties": False}, {"a": 1}, 'must not have the property "a"'),
    ({"unevaluatedProperties": False}, {"a": 1}, 'must not have the property "a"'),
    ({"anyOf": [False]}, 1, "must match one of the schemas, and matches none"),
    ({"oneOf": [True, True]}, 1, "must match exactly one of the schemas"),
    ({"not": True}, 1, "must not match the schema"),
    ({"properties": {"a": False}}, {"a": 1}, "must not be there"),
    ({"const": "é" * 100}, 1, 'must be "' + "é" * 59 + "..."),
]


@pytest.mark.parametrize("schema,instance,sentence", SENTENCES, ids=lambda v: None)
def test_sentences(write, schema, instance, sentence):
    line = basic(write("s.json", schema), write("i.json", json.dumps(instance)))
    assert [u["error"] for u in line["errors"]] == [sentence]


def test_every_keyword_has_a_sentence():
    kinds = re.findall(r'^    \{"(\w+)", "', (ROOT / "common/json/cli/say.c").read_text(encoding="utf-8"), re.M)
    reported = re.findall(r"KW_(?!COUNT)(\w+)", " ".join(
        (ROOT / f"common/json/{f}.c").read_text(encoding="utf-8") for f in ("schema_run", "schema_run_obj", "schema_gen")))
    names = {k.lower() for k in kinds}
    structure = {"id", "schema", "ref", "dynamicref", "allof", "if", "then", "else", "limit"}
    assert {r.replace("_", "").lower() for r in reported} - structure <= names


def test_format_judges_only_when_asked(write):
    schema, date = write("s.json", {"format": "date"}), write("d.json", "\"2026-02-30\"")
    run("validate", schema, date)
    run("validate", "--format-assert", "--no-format-assert", schema, date)
    out, _ = run("validate", "--format-assert", schema, date, code=1)
    assert 'must have the format "date"' in out


def test_strict(write):
    schema, good = write("s.json", {"maxlength": 3}), write("i.json", 1)
    run("validate", schema, good)
    assert "maxlength" in run("validate", "--strict", schema, good, code=78)[1]


def test_references_lead_to_local_files(write, tmp_path):
    schema = write("a/s.json", {"$ref": "sub/with%20blank.json#/$defs/n"})
    write("a/sub/with blank.json", {"$defs": {"n": {"$ref": "../n.json"}}})
    n = write("a/n.json", {"maximum": 3})
    four = write("four.json", 4)
    assert run("validate", schema, four, code=1)[0].endswith(f"[maximum at file://{n}#/maximum]\n")
    far = write("far.json", {"$ref": "https://example.org/s/n"})
    line = run("validate", far, four, code=78)[1]
    assert f"file://{far}#/$ref: no schema with the URI 'https://example.org/s/n'" in line
    base = f"https://example.org/s/={tmp_path}/a"
    assert run("validate", "--base", base, far, four, code=1)[0].endswith("[maximum at https://example.org/s/n#/maximum]\n")
    assert run("validate", "--base", base, "https://example.org/s/n.json", four, code=1)[0].count("/s/n.json#/maximum")
    up = write("up.json", {"$ref": "https://example.org/s/sub/%2e%2e/%2e%2e/four.json"})
    run("validate", "--base", base, up, four, code=78)


def test_a_schema_below_a_base_has_its_uri_there(write, tmp_path):
    """Its $id, its place and the way back to it are one document, not two that claim one URI."""
    schema = write("b/x.json", {"$id": "https://example.org/b/x.json", "items": {"$ref": "y.json"}, "type": "array"})
    write("b/y.json", {"$id": "https://example.org/b/y.json", "anyOf": [{"$ref": "x.json"}, {"type": "null"}]})
    base = ("--base", f"https://example.org/b={tmp_path}/b")
    run("validate", *base, schema, write("good.json", [None, [None]]))
    out, _ = run("validate", *base, schema, write("bad.json", [1]), code=1)
    assert out.endswith("[anyOf at https://example.org/b/y.json#/anyOf]\n")


@pytest.mark.parametrize("args", [
    [], ["frobnicate"], ["validate"], ["validate", "s.json"], ["validate", "--output", "verbose", "s", "i"],
    ["validate", "--max-findings", "-1", "s", "i"], ["validate", "--max-findings", "9x", "s", "i"],
    ["validate", "--base", "nowhere", "s", "i"], ["validate", "--base", "https://example.org/=/no/such/dir", "s", "i"],
    ["validate", "--unknown", "s", "i"], ["validate", "-", "-"], ["bowtie", "x"], ["bowtie", "--unknown"],
], ids=" ".join)
def test_wrong_usage_is_64(args):
    out, err = run(*args, code=64)
    assert out == "" and "usage: bedelau-jsonschema validate" in err


@pytest.mark.parametrize("text", ["", "{", '{"a":1,"a":2}', "[1] 2", '"\\ud800"', '"\xff', "nul", "1e400", "[" * 100000],
                         ids=lambda t: t[:12] or "empty")
def test_what_is_not_json_is_65(write, text):
    schema, bad, wrong = write("s.json", {"type": "null"}), write("bad.json", text), write("wrong.json", 1)
    out, err = run("validate", schema, bad, wrong, code=65)
    assert out.startswith(f"{bad}: not JSON\n{wrong}: invalid\n") and re.search(rf"{bad}: line \d+, column \d+: ", err)
    out, err = run("validate", "--output", "flag", schema, bad, wrong, code=65)
    assert out == '{"valid":false}\n' * 2 and f"{bad}: line" in err
    out, _ = run("validate", "--output", "basic", schema, bad, wrong, code=65)
    assert [json.loads(line)["valid"] for line in out.splitlines()] == [False, False]


def test_what_is_json_is_read(write):
    """Any value at the top, NUL in strings, integers beyond 64 bits beside those that fit exactly."""
    schema = write("s.json", {"enum": ["\0", 9007199254740993, {"big": 1e30, "fits": 9223372036854775807}]})
    for text in ('"\\u0000"', "9007199254740993",
                 '{"fits":9223372036854775807,"big":1000000000000000000000000000000}'):
        run("validate", schema, write("i.json", text))
    for text in ('"\\u0001"', "9007199254740992",
                 '{"fits":9223372036854775806,"big":1000000000000000000000000000000}'):
        run("validate", schema, write("i.json", text), code=1)


def test_a_file_that_cannot_be_read_is_66(write, tmp_path):
    schema = write("s.json", {})
    good = write("i.json", 1)
    out, err = run("validate", schema, tmp_path / "nowhere", good, code=66)
    assert out == f"{good}: valid\n" and "nowhere: No such file or directory" in err


@pytest.mark.parametrize("schema,words", [
    ({"properties": {"a": {"minimum": "3"}}}, "#/properties/a/minimum: "),
    ({"items": {"$ref": "#/$defs/x"}}, "#/items/$ref: "),
    ({"pattern": "("}, "#/pattern: "),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, "#/$schema: only draft 2020-12 is supported, not http:"),
    ([1], "an object or a boolean"),
    ("{", "line 1, column 1: "),
], ids=lambda v: None)
def test_a_schema_that_does_not_compile_is_78(write, schema, words):
    path = write("s.json", schema)
    out, err = run("validate", path, write("i.json", 1), code=78)
    assert out == "" and str(path) in err and words in err and err.count("\n") == 1


def test_a_schema_that_is_not_there_is_78(write):
    assert "nowhere.json" in run("validate", "/nowhere.json", write("i.json", 1), code=78)[1]


@contextlib.contextmanager
def full_disk():
    with open("/dev/full", "w", encoding="utf-8") as full:
        yield full


@pytest.mark.parametrize("args", [["--help"], ["validate", "S", "I"], ["bowtie"]], ids=" ".join)
def test_output_that_cannot_be_written_is_74(write, args):
    names = {"S": str(write("s.json", {})), "I": str(write("i.json", 1))}
    with full_disk() as full:
        done = subprocess.run([PROGRAM, *(names.get(a, a) for a in args)], stdout=full, stderr=subprocess.PIPE, text=True,
                              input=json.dumps(START) + "\n", timeout=LIMIT_S, check=False)
    assert done.returncode == 74 and "No space left" in done.stderr


def test_help_and_version():
    out, _ = run("--help")
    sections = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS OF validate", "OPTIONS OF bowtie", "OUTPUT", "EXIT STATUS"]
    assert [line for line in out.splitlines() if line and line[0] != " "] == sections
    source = (ROOT / "common/json/cli/main.c").read_text(encoding="utf-8")
    for option in re.findall(r'^ +\{"([a-z-]+)", (?:no|required)_argument', source, re.M) or ["none found"]:
        assert f"--{option}" in out
    assert max(map(len, out.splitlines())) <= 120
    assert re.fullmatch(r"bedelau-jsonschema \S+\n", run("--version")[0])


# ---- bounds ---------------------------------------------------------------------------------------------------------

def test_100000_findings_are_bounded(write):
    schema, bad = write("s.json", {"items": {"type": "string"}}), write("i.json", [0] * 100_000)
    lines = run("validate", schema, bad, code=1)[0].splitlines()
    assert len(lines) == 1002 and lines[-1] == "  and 99000 more"
    line = basic(schema, bad)
    assert len(line["errors"]) == 1000 and line["omittedErrors"] == 99_000
    assert [u["instanceLocation"] for u in line["errors"]] == [f"/{i}" for i in range(1000)]
    line = basic(schema, bad, "--max-findings", 2)
    assert len(line["errors"]) == 2 and line["omittedErrors"] == 99_998
    assert basic(schema, bad, "--max-findings", 0) == {"valid": False, "errors": [], "omittedErrors": 100_000}
    assert len(basic(schema, bad, "--max-findings", 100_000)["errors"]) == 100_000


@pytest.mark.parametrize("pattern,text", [
    ("^(a+)+$", "a" * 5000 + "!"),
    ("^(a|a)*$", "a" * 5000 + "!"),
    ("^(x+x+)+z[^z]$", "x" * 3000 + "zz"),
    ("^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 5000),
], ids=lambda v: v[:20])
def test_regex_bombs_end_undecided(write, pattern, text):
    schema, file = write("s.json", {"pattern": pattern}), write("i.json", json.dumps(text))
    out, _ = run("validate", schema, file, code=1)
    assert out == (f"{file}: undecided\n  (root): the check was not finished: limit of regex "
                   f"[limit at file://{schema}#]\n")
    assert run("validate", "--output", "flag", schema, file, code=1) == (
        '{"valid":false}\n', f"bedelau-jsonschema: {file}: the check was not finished\n")
    assert [u["error"] for u in basic(schema, file)["errors"]] == ["the check was not finished: limit of regex"]


def test_large_values_are_decided(write):
    schema = write("s.json", {"anyOf": [{"type": "number", "multipleOf": 0.0001}, {"type": "array", "uniqueItems": True}]})
    run("validate", schema, write("i.json", "1e308"))
    run("validate", schema, write("i.json", "1.00005"), code=1)
    items = [{"k": [i, str(i)]} for i in range(10_000)]
    run("validate", schema, write("i.json", items))
    run("validate", schema, write("i.json", items[:-1] + [{"k": [0, "0"]}]), code=1)


def test_loops_and_depth_end_undecided(write):
    loop = write("s.json", {"$ref": "#"})
    assert ": undecided\n" in run("validate", loop, write("i.json", 1), code=1)[0]
    deep = write("deep.json", {"items": {"$ref": "#"}})
    assert ": undecided\n" in run("validate", deep, write("i.json", "[" * 1500 + "]" * 1500), code=1)[0]
    many = write("many.json", {"items": {"allOf": [{"$ref": "#/$defs/a0"}]}, "$defs": {
        **{f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(40)}, "a40": {"pattern": "^x$"}}})
    assert "limit of steps" in run("validate", many, write("i.json", ["x"]), code=1)[0]


# ---- bowtie ---------------------------------------------------------------------------------------------------------

class Bowtie:
    """A harness under way: a line in, a line out."""

    def __init__(self, *args):
        self.process = subprocess.Popen([PROGRAM, "bowtie", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, encoding="utf-8")

    def raw(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self, **command):
        return self.raw(json.dumps(command, ensure_ascii=False))

    def case(self, schema, *instances, seq=1, **more):
        tests = [{"description": "a test", "instance": i} for i in instances]
        return self.ask(cmd="run", seq=seq, output="flag",
                        case={"description": "a case", "schema": schema, "tests": tests, **more})

    def end(self, line='{"cmd":"stop"}\n'):
        """Exit code and what came after the last answer."""
        rest, _ = self.process.communicate(line, timeout=LIMIT_S)
        return self.process.returncode, rest


@pytest.fixture
def bowtie():
    b = Bowtie()
    assert b.ask(**START)["version"] == 1
    assert b.ask(cmd="dialect", dialect=DIALECT) == {"ok": True}
    yield b
    assert b.end() == (0, "")


def test_start_says_who_it_is():
    b = Bowtie("--home", "https://example.org/jsonschema")
    answer = b.ask(**START)
    version = answer["implementation"].pop("version")
    assert version and not re.search("(^|[^A-Za-z])(master|main|trunk)([^A-Za-z]|$)", version)
    assert answer == {"version": 1, "implementation": {
        "language": "c", "name": "bedelau-jsonschema", "homepage": "https://example.org/jsonschema",
        "issues": "https://example.org/jsonschema/issues", "source": "https://example.org/jsonschema",
        "dialects": [DIALECT]}}
    assert b.ask(cmd="dialect", dialect="http://json-schema.org/draft-07/schema#") == {"ok": False}
    assert b.end() == (0, "")


def test_end_of_input_is_a_stop_and_another_version_is_none():
    b = Bowtie()
    b.ask(**START)
    assert b.end("") == (0, "")
    assert Bowtie().end('{"cmd":"start","version":2}\n{"cmd":"stop"}\n') == (76, "")


def test_answers_carry_the_seq_unchanged(bowtie):
    for seq in (0, -1, "a/ü", "", None, 1.5, {"of": [1]}, 12345678901234567890123):
        assert bowtie.case(True, 1, seq=seq) == {"seq": seq, "results": [{"valid": True}]}
    deep = json.loads("[" * 100 + "]" * 100)  # more than the scanner takes
    assert bowtie.case({"const": "\0"}, deep, "\0", seq="s") == {
        "seq": "s", "results": [{"valid": False}, {"valid": True}]}
    assert bowtie.raw('{"cmd" : "run" , "seq" : 1e2 , "case":{"schema":true,"tests":[]}}') == {"seq": 1e2, "results": []}


def test_registry(bowtie):
    registry = {"http://example.org/n": {"$ref": "m#/$defs/m"}, "http://example.org/m": {"$defs": {"m": {"maximum": 3}}},
                "urn:broken": {"$id": 5, "minimum": "x"}, "http://example.org/no-schema": "text"}
    assert bowtie.case({"$ref": "http://example.org/n"}, 3, 4, registry=registry)["results"] == [
        {"valid": True}, {"valid": False}]
    for uri in ("urn:broken", "http://example.org/no-schema", "http://example.org/unheard"):
        assert bowtie.case({"$ref": uri}, 1, registry=registry)["errored"] is True
    assert bowtie.case({"$ref": "http://example.org/n"}, 3)["errored"] is True  # a registry is its case's alone


def test_a_case_that_fails_ends_nothing(bowtie):
    for schema in ({"minimum": "3"}, {"pattern": "("}, {"$ref": "#/no"}, 7, "text", None, [True]):
        answer = bowtie.case(schema, 1, seq=5)
        assert set(answer) == {"seq", "errored", "context"} and answer["seq"] == 5 and answer["errored"] is True
        assert answer["context"]["message"]
    bomb = bowtie.case({"pattern": "^(a+)+$"}, "a" * 5000 + "!", "aa")["results"]
    assert bomb[0]["errored"] is True and "regex" in bomb[0]["context"]["message"] and bomb[1] == {"valid": True}
    assert bowtie.case({"$ref": "#"}, 1)["results"][0]["errored"] is True
    for line in ("", "garbage", "[]", "{}", '{"cmd":"dance"}', '{"cmd":5}', "\x00"):
        assert bowtie.raw(line) == {"seq": None, "errored": True, "context": bowtie.raw(line)["context"]}
    assert bowtie.raw('{"cmd":"run","seq":8,"case":{"schema":1e999}}')["seq"] == 8
    for case in ("null", "5", "{}", '{"schema":true,"tests":[{}]}', '{"schema":true,"tests":[1]}'):
        answer = bowtie.raw('{"cmd":"run","seq":9,"case":' + case + "}")
        assert answer["seq"] == 9 and "errored" in json.dumps(answer)
    assert bowtie.case({"type": "string"}, "x")["results"] == [{"valid": True}]


def test_known_limitations_are_skipped(bowtie):
    for schema in ({"$schema": "http://json-schema.org/draft-07/schema#"}, {"pattern": "(?<=a+)b"}):
        answer = bowtie.case(schema, 1, seq=3)
        assert set(answer) == {"seq", "skipped", "message"} and answer["skipped"] is True
    assert bowtie.ask(cmd="run", seq=4, output="annotations", case={"schema": True, "tests": []})["skipped"] is True


def test_format_is_an_annotation_unless_the_dialect_says_otherwise(bowtie):
    vocabulary = "https://json-schema.org/draft/2020-12/vocab/"
    registry = {"https://example.org/meta": {"$id": "https://example.org/meta", "$schema": DIALECT, "$vocabulary": {
        vocabulary + "core": True, vocabulary + "format-assertion": True}}}
    assert bowtie.case({"format": "ipv4"}, "x")["results"] == [{"valid": True}]
    assert bowtie.case({"$schema": "https://example.org/meta", "format": "ipv4"}, "x",
                       registry=registry)["results"] == [{"valid": False}]


def suite_registry():
    return {f"http://localhost:1234/{path.relative_to(SUITE / 'remotes')}": json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((SUITE / "remotes").rglob("*.json"))}


def test_official_suite_through_the_protocol(bowtie, capsys):
    """Every required case of draft 2020-12, each group as one line, must come out as the suite says."""
    registry = suite_registry()
    wrong, total = [], 0
    for path in sorted((SUITE / "tests/draft2020-12").glob("*.json")):
        for n, group in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            seq = f"{path.name}/{n}"
            answer = bowtie.case(group["schema"], *(t["data"] for t in group["tests"]), seq=seq, registry=registry)
            total += len(group["tests"])
            got = answer.get("results", [answer] * len(group["tests"]))
            assert answer["seq"] == seq and len(got) == len(group["tests"])
            wrong += [(seq, t["description"], r) for t, r in zip(group["tests"], got) if r != {"valid": t["valid"]}]
    with capsys.disabled():
        print(f"\nthrough Bowtie's protocol: {total - len(wrong)}/{total}")
    assert not wrong
    assert total >= 1299
