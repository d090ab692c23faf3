"""Pages generated from the code, so that they are always up to date."""

import csv
import gzip
import json
import pathlib
import re
import subprocess
import tempfile
import tomllib

UNITS = {"time": "time, as `\"30 s\"`", "rate": "rate, as `\"10 Mbit/s\"`", "size": "size, as `\"256 KiB\"`",
         "share": "share, as `\"20 %\"`", "decimal": "decimal number"}


def pages(root, lab):
    """The texts by file, and a list of faults."""
    faults = []
    made = {
        "scenario-keys.md": scenario_keys(root, lab, faults),
        "plan-keys.md": plan_keys(root, faults),
        "policies.md": policies(root, lab, faults),
        "columns.md": columns(root, faults),
    }
    return made, faults


def ask(lab, *arguments, **options):
    return subprocess.run([lab, *arguments], check=True, capture_output=True, text=True, **options).stdout


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def rows(head, lines):
    bar = lambda line: f"| {' | '.join(cell(it) for it in line)} |"
    return "\n".join([bar(head), bar(["---"] * len(head)), *map(bar, lines)]) + "\n"


def kind(schema, defs):
    """Describes the form of a value for readers. A schema that is `true` accepts anything."""
    if isinstance(schema, bool):
        return "any value"
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return UNITS.get(name) or f"table or text: {name}" if name in UNITS or name not in defs else UNITS.get(name, kind(defs[name], defs))
    if "enum" in schema:
        return "one of " + ", ".join(f"`{json.dumps(it)}`" for it in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    for several in ("oneOf", "anyOf"):
        if several in schema:
            kinds = [kind(it, defs) for it in schema[several] if it.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    types = schema.get("type", "any")
    types = [it for it in ([types] if isinstance(types, str) else types) if it != "null"]
    if types == ["array"]:
        return f"list of: {kind(schema.get('items', {}), defs)}"
    limits = [f"from {schema['minimum']}" if "minimum" in schema else "", f"to {schema['maximum']}" if "maximum" in schema else ""]
    name = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "table"}
    return " ".join(filter(None, [" or ".join(name.get(it, it) for it in types), *limits]))


def walk(schema, defs, path=""):
    """Every key of a schema with its path. A table with several models gives the keys of all of them."""
    if "$ref" in schema and schema["$ref"].rsplit("/", 1)[1] not in UNITS:
        schema = {**defs[schema["$ref"].rsplit("/", 1)[1]], **schema}
    for name, inner in schema.get("properties", {}).items():
        whole = f"{path}{name}"
        yield whole, inner
        yield from walk(inner, defs, f"{whole}.")
    if isinstance(schema.get("items"), dict):
        yield from walk(schema["items"], defs, path)
    for several in ("oneOf", "anyOf"):
        for inner in schema.get(several, []):
            model = inner.get("properties", {}).get("model", {}).get("const")
            here = f"{path[:-1]}({model})." if model and path else path
            yield from walk(inner, defs, here)


def described(schema, defs):
    if "description" in schema:
        return schema["description"]
    if "$ref" in schema:
        return defs[schema["$ref"].rsplit("/", 1)[1]].get("description", "")
    return ""


def key_table(found, defs, defaults, file, faults):
    lines, seen = [], set()
    for path, schema in found:
        if path in seen or path.endswith(".model"):
            continue
        seen.add(path)
        text = described(schema, defs)
        if not text:
            faults.append(f"{file}: {path} has no description")
        value = schema.get("default", defaults.get(re.sub(r"\(\w+\)", "", path)))
        default = "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"
        lines.append([f"`{path}`", text, kind(schema, defs), default])
    return rows(["key", "meaning and source", "value", "default"], lines)


def flat(table, path=""):
    """Values of a TOML document by path; from a list of tables, those of the first."""
    for name, value in table.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = value[0]
        if isinstance(value, dict):
            yield from flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def scenario_keys(root, lab, faults):
    schema = json.loads((root / "experiments/schemas/scenario.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        least = pathlib.Path(folder) / "least.toml"
        # The keys that a scenario must have. All others in the resolved text are defaults.
        least.write_text('[torrent]\nsize = "1 MiB"\npiece = "256 KiB"\n[[origin]]\nup = "1 MB/s"\ndown = "1 MB/s"\n'
                         '[peers]\ncount = 1\n[[peers.class]]\nname = "all"\nup = "1 MB/s"\ndown = "1 MB/s"\n')
        resolved = tomllib.loads(ask(lab, "sim", str(least), "--resolved"))
    given = {"torrent.size", "torrent.piece", "peers.count", "name"}
    given |= {f"{it}.{side}" for it in ("origin", "peers.class") for side in ("up", "down", "name")}
    defaults = {path: value for path, value in flat(resolved) if path not in given}
    table = key_table(walk(schema, schema["$defs"]), schema["$defs"], defaults, "scenario.json", faults)
    return ("# Every key of a scenario\n\nMade from the schema (`lab schema scenario`) and from what `lab sim FILE --resolved` "
            "fills in. `client` keys hold for everybody unless `origin` or `population` says otherwise. "
            "A name in brackets is the `model` that has the key. `--set KEY=VALUE` sets any of them.\n\n" + table)


def plan_keys(root, faults):
    schema = json.loads((root / "experiments/schemas/plan.json").read_text())
    table = key_table(walk(schema, schema["$defs"]), schema["$defs"], {}, "plan.json", faults)
    return "# Every key of a plan\n\nMade from the schema (`lab schema plan`). `--set KEY=VALUE` sets any of them.\n\n" + table


def policies(root, lab, faults):
    """Each policy with its parameters and its comment in the code, which has source and deviations."""
    zoo = root / "core/src/choke/zoo"
    comments = {}
    for file in sorted(zoo.glob("*.rs")):
        text = file.read_text()
        name = re.search(r'id: "(\w+)"', text)
        found = re.search(r"((?:^///.*\n)+)(?:#\[.*\n)*pub (?:struct|enum)", text, re.M)
        found = found or re.search(r"((?:^///.*\n)+)(?:#\[.*\n)*pub\(crate\) (?:struct|const|enum)", text, re.M)
        head = " ".join(it[4:] for it in text.splitlines() if it.startswith("//! "))
        comment = "\n".join(it[4:] if len(it) > 3 else "" for it in found[1].splitlines()) if found else head
        if name:
            comments[name[1]] = comment
    text, current = "", None
    # Up to the next heading, which is not indented.
    part = re.split(r"\n(?=\S)", ask(lab, "list").split("\npolicies\n")[1])[0]
    for line in part.splitlines():
        policy = re.match(r"  (\w+)\s+(.*)", line)
        parameter = re.match(r"      (\w+) = (\d+): (.*)", line)
        if parameter:
            name, value, meaning = parameter.groups()
            if name.endswith("_ns"):
                name, value = name[:-3], f"{int(value) / 1e9:g} s"
            text += f"* `{name} = {value}`: {meaning}\n"
        elif policy:
            current, summary = policy.groups()
            comment = re.sub(r"\[`([^`]+)`\](?:\([^)]*\))?", r"`\1`", comments.get(current, ""))
            comment = re.sub(r"^\[.*\]: .*$", "", comment, flags=re.M)
            if not comment:
                faults.append(f"policies: {current} has no comment in {zoo}")
            text += f"\n## {current}\n\n{summary[0].upper()}{summary[1:]}.\n\n{comment}\n\n"
    return ("# Every policy\n\nMade from the registry (`lab list`) and from the comment above each policy's type in "
            "`core/src/choke/zoo/`, which names its source and where ours departs from it. "
            "Parameters are keys of `client.parameters` in a scenario and of `parameters` in a plan.\n" + text)


def columns(root, faults):
    """Every column of every table in results/, with its first description."""
    known = tomllib.loads((pathlib.Path(__file__).resolve().parent / "columns.toml").read_text())
    for line in (root / "results/README.md").read_text().splitlines():
        parts = [it.strip() for it in line.strip().strip("|").split(" | ")]
        if line.startswith("| `") and len(parts) == 2:
            for name in re.findall(r"`([^`]+)`", parts[0]):
                known.setdefault(name, parts[1])
    patterns = [(re.escape(name).replace("CAUSE", "[a-z_]+").replace("KIND", "[a-z_]+").replace("…", "\\w+"), text)
                for name, text in known.items() if re.search("CAUSE|KIND|…", name)]
    text = "# Every column\n\nMade from the heads of the tables in `results/`, `results/README.md` and `experiments/book/columns.toml`. Units are in the names: `_s` seconds of simulated time, `_bytes` bytes; no unit means a count, a share from 0 to 1, or a ratio.\n"
    for file in sorted([*(root / "results").glob("*/*.csv"), *(root / "results").glob("*/*.csv.gz")]):
        opened = gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8")
        with opened as lines:
            head = next(csv.reader(lines))
        own = file.relative_to(root / "results").as_posix()
        table = []
        for name in head:
            fitting = [said for pattern, said in patterns if re.fullmatch(pattern, name)]
            key = "value of this key of the scenario" if re.fullmatch(r"[a-z_0-9]+(\.[a-z_0-9*]+)+", name) else ""
            said = known.get(name) or (fitting[0] if fitting else key)
            if not said:
                faults.append(f"columns: {name} of results/{own} has no description: add it to experiments/book/columns.toml")
            table.append([f"`{name}`", said])
        text += f"\n## {own}\n\n" + rows(["column", "meaning"], table)
    return text
