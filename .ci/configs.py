"""Validates TOML files against docs/schema. A validator that passes everything would prove nothing: broken files are refused."""

import copy
import datetime
import json
import pathlib
import sys
import tomllib

import jsonschema
import referencing

FOLDER = pathlib.Path("docs/schema")
SCHEMAS = {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.schema.json"))}
REGISTRY = referencing.Registry().with_resources(
    (name, referencing.Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
# Broken in a way that a schema can see. An included file needs neither listener nor integration, so their absence is no fault here.
BROKEN = ["unknown-keys", "wrong-types-keys", "wrong-types-sections", "secrets-inline", "listener"]
# The same for a provider: Stripe's, with one key changed, or left out.
ABSENT = object()
BROKEN_PRESETS = [
    ("content", 1),
    ("content", ABSENT),
    ("content", "fixed"),
    ("content", []),
    ("content", ["{timestamp}.{body}", "fixed"]),
    ("content", ["{id}.{timestamp}.{body}", "{id}.{timestamp}.{body}\n"]),
    ("fixed_headers", {"X-Version": 1}),
    ("fixed_headers", {"X-Version": ""}),
    ("content", "{id}.{timestamp}.{body}"),
    ("content", "{timestamp}.{body}{secret}"),
    ("signature", {}),
    ("signature.algorithm", "hmac-md5"),
    ("signature.algorithm", "token"),
    ("signature.encoding", ABSENT),
    ("signature.encoding", "plain"),
    ("signature.format", "jwt"),
    ("signature.format", "versioned"),
    ("signature.key", ABSENT),
    ("signature.key", "v=1"),
    ("signature.separator", "--"),
    ("signature.prefix", "v0="),
    ("signature.header", "X Signature"),
    ("signature.header", ABSENT),
    ("signature.at", "json:/signature"),
    ("timestamp", ABSENT),
    ("timestamp.header", "X-Time"),
    ("timestamp.field", ABSENT),
    ("timestamp.tolerance", "0s"),
    ("timestamp.tolerance", "999ms"),
    ("timestamp.tolerance", 300),
    ("claims", {"iss": "a"}),
    ("delivery_id", ABSENT),
    ("id", {"header": "X-Id"}),
    ("event", 1),
    ("event", ["json:type"]),
    ("event", ["json:/a~2"]),
    ("event", ["header:A B"]),
    ("retries", "often"),
    ("deadline", "0s"),
    ("tolerance", "5m"),
    ("handshake", [{"field": "json:/type", "equals": "a"}]),
    ("handshake", [{"field": "json:/type", "equals": "a", "reply": {"status": 302}}]),
    ("handshake", [{"field": "json:/type", "equals": "a", "reply": {"status": 200, "content_type": "text", "body": "a"}}]),
]
DATES = (datetime.datetime, datetime.date, datetime.time)


def validator(name):
    schema = SCHEMAS[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, registry=REGISTRY)


def plain(value):
    """A TOML value as JSON has it: dates are text."""
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, DATES) else value


def read(path):
    return plain(tomllib.loads(path.read_text()))


def changed(document, path, value):
    document = copy.deepcopy(document)
    table = document
    for key in path[:-1]:
        table = table[key]
    if value is ABSENT:
        del table[path[-1]]
    else:
        table[path[-1]] = value
    return document


def faults(validator, document):
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def main():
    configuration, provider = validator("config.schema.json"), validator("provider.schema.json")
    wrong = []
    files = ["config.example.toml", *map(str, pathlib.Path("deploy").rglob("*.toml")), *map(str, pathlib.Path("tests/configs/good").glob("*.toml"))]
    for name in files:
        wrong += [f"{name}: {fault}" for fault in faults(configuration, read(pathlib.Path(name)))]
    presets = sorted(pathlib.Path("src/provider/presets").glob("*.toml"))
    for path in presets:
        wrong += [f"{path}: {fault}" for fault in faults(provider, read(path))]
    for name in BROKEN:
        if not faults(configuration, read(pathlib.Path(f"tests/configs/bad/{name}.toml"))):
            wrong.append(f"tests/configs/bad/{name}.toml is taken by the schema")
    stripe = read(pathlib.Path("src/provider/presets/stripe.toml"))
    for path, value in BROKEN_PRESETS:
        if not faults(provider, changed(stripe, path.split("."), value)):
            wrong.append(f"a preset with {path} = {value!r} is taken by the schema")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"docs/schema: takes {len(files)} configurations and {len(presets)} presets, refuses {len(BROKEN) + len(BROKEN_PRESETS)} broken ones")


main()
