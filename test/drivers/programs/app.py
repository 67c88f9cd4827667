"""Answers the commands of a test; see ../driver-program.ts."""
import json
import sys

from pymongo.uri_parser import parse_uri


def parse(uri):
    # No DNS: the test has no SRV records.
    parsed = parse_uri(uri.replace("mongodb+srv://", "mongodb://", 1), validate=True, warn=False)
    options = parsed["options"]
    return {
        "hosts": [host if port == 27017 else f"{host}:{port}" for host, port in parsed["nodelist"]],
        "database": parsed["database"] or "",
        "mechanism": options["authMechanism"],
        "source": options["authSource"],
        "tls": str(options["tls"]).lower(),
        "file": options["tlsCertificateKeyFile"],
        "appName": options["appname"],
    }


def ping():
    if sys.argv[1] == "plain":
        from connect import client
    else:
        from reloading_connect import mongodb
        client = mongodb()
    client.admin.command("ping")
    return "pong"


def answer(line):
    try:
        return json.dumps(parse(line[len("parse "):])) if line.startswith("parse ") else ping()
    except Exception as error:
        return "failed: " + " ".join(str(error).split())


print("ready", flush=True)
for line in sys.stdin:
    print(answer(line.strip()), flush=True)
