"""A pair and its manifest: what an algorithm is called, what its steps ask and answer, and the bytes that are approved.

A pair is a folder with `NAMECentral.py`, `NAMERemote.py` and `manifest.toml`. Its digest is the SHA-256 of the three files together; a
site approves a digest and nothing else. The manifest is data: it is parsed here, in the hosts, and never executed.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import jsonschema
import msgspec

from sandbox.errors import Code, InputError
from sandbox.nearest import nearest

KernelKind = Literal["margins", "gram", "glm_score", "glm_gradient", "glm_fit", "selection_score"]
"""What a gate computes itself."""
VerifiedKind = Literal["sum", "count", "estimate"]
"""What code that sees rows may answer, and a gate verifies."""
FieldKind = KernelKind | VerifiedKind
VERIFIED: Final[tuple[VerifiedKind, ...]] = ("sum", "count", "estimate")
Symbol = Literal["q", "c", "t", "k"]
Parts = dict[str, tuple[str, tuple[str, ...]]]
MANIFEST_NAME: Final = "manifest.toml"
RESERVED_STEP: Final = "margins"
"""The built-in step of the first round; no pair may declare a step of this name."""
CHAINS: Final = "chains"
"""The parameter that says how many chains run side by side; see `sandbox.job.JobSpec.chains`."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}\Z")
_STEP_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_MAX_BYTES: Final = 64 << 10
_MAX_DOTS: Final = 64
"""Dots of one line: the parser of TOML takes quadratic time over a long dotted key, and this runs in the hosts."""
_SCHEMA_KEYWORDS: Final = frozenset(
    {
        *("type", "title", "column", "description", "unit", "default", "enum", "const", "multipleOf", "items"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems"),
    }
)
"""What a parameter's schema may say. Not: references, which a host would fetch; patterns, which can take for ever; combinations."""
_VERSION: Final = re.compile(r"\d{1,4}\.\d{1,4}\.\d{1,4}\Z")

PARTS: Final[dict[KernelKind, Parts]] = {
    "margins": {"n": ("<i8", ("c",)), "total": ("<f8", ("c",)), "total_squares": ("<f8", ("c",))},
    "gram": {"n": ("<i8", ()), "XX": ("<f8", ("q", "q")), "Xy": ("<f8", ("q",)), "yy": ("<f8", ())},
    "glm_score": {
        "n": ("<i8", ()),
        "H": ("<f8", ("q", "q")),
        "g": ("<f8", ("q",)),
        "loglik": ("<f8", ()),
        "loglik_step": ("<f8", ()),
    },
    "glm_gradient": {"n": ("<i8", ()), "g": ("<f8", ("q",))},
    "glm_fit": {"n": ("<i8", ()), "beta": ("<f8", ("q",)), "information": ("<f8", ("q", "q")), "sse": ("<f8", ())},
    "selection_score": {
        "n": ("<i8", ()),
        "n_selected": ("<i8", ()),
        "H": ("<f8", ("t", "t")),
        "g": ("<f8", ("t",)),
        "loglik": ("<f8", ()),
        "loglik_step": ("<f8", ()),
    },
}
"""The parts of each kernel's answer: dtype and shape. q = coefficients of the target's design, c = columns in the model, t = 2q + 1
coefficients of a selection model (`sandbox.estimation.selection`), k = targets."""
CARD_STEP: Final = "card"
"""The built-in step in which a site states its card; reserved as the first round is."""
POINT_STEP: Final = "point"
"""The built-in step that asks for the scores at the common points that are due; reserved."""
BUILT_IN_STEPS: Final = (RESERVED_STEP, CARD_STEP, POINT_STEP)
CARD: Final = "card"
"""The field of a card about all rows; beside it, `fit.N` states the own fit of binary target N (1-based), `gram.N` the Gram of target N
where the policy states exact ones, `selection.N` the own fit of a selection model, `point.N` the score at a common point."""
CARD_PARTS: Final[dict[str, Parts]] = {
    "card": {
        "n": ("<i8", ()),
        "n_observed": ("<f8", ("c",)),
        "levels": ("<f8", ("c", "2")),
        "gram": ("<f8", ("d", "d")),
        "is_exact": ("<i8", ()),
        "error": ("<f8", ()),
        "answers_points": ("<i8", ()),
    },
    "gram": {"n": ("<i8", ()), "gram": ("<f8", ("d", "d"))},
    "fit": {"n": ("<f8", ()), "beta": ("<f8", ("c",)), "information": ("<f8", ("c",))},
    "selection": {"n": ("<f8", ()), "theta": ("<f8", ("s",)), "information": ("<f8", ("s", "s"))},
    "point": {"beta": ("<f8", ("c",)), "gradient": ("<f8", ("c",)), "information": ("<f8", ("c",))},
}
"""The parts of the fields of a card, by the field's name up to the dot. c = columns in the model, d = c + 1, s = 2c + 1."""
VALUE: Final = "value"
"""The only part of a sum or a count."""
MAX_SUM_DIMENSIONS: Final = 2


class RequestField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One argument of a step; `column` is a 1-based index of a target, `predictor` one of a predictor, shapes are never in rows."""

    type: Literal["column", "predictor", "float", "int", "bool"]
    shape: tuple[Symbol, ...] = ()


class ReplyField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of a reply: the kernel that fills it, or of code that sees rows what the gate shall verify it as.

    A `sum` adds up over any split of the rows and has a shape. An `estimate` is the root of the sums of another step, `score`.
    """

    kind: FieldKind
    shape: tuple[Symbol, ...] = ()
    score: str = ""

    @property
    def parts(self) -> Parts:
        """Its parts: dtype and shape, as in :data:`PARTS`."""
        match self.kind:
            case "sum":
                return {VALUE: ("<f8", self.shape)}
            case "count":
                return {VALUE: ("<i8", ())}
            case "estimate":
                return {"beta": ("<f8", ("q",)), "information": ("<f8", ("q", "q"))}
            case _:
                return PARTS[self.kind]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step of the remote module: its arguments and what may leave. A site's gate refuses a step that is `at` central.

    A step of code that sees rows may fill missing cells: `fills` names the argument that says of which target, `draws` the kind of random
    number it gets for every row. It has no reply then.
    """

    at: Literal["everywhere", "central"] = "everywhere"
    request: dict[str, RequestField] = {}
    reply: dict[str, ReplyField] = {}
    fills: str = ""
    draws: Literal["", "normal", "uniform"] = ""

    @property
    def is_estimate(self) -> bool:
        """Whether the gate answers it, as the root of the sums of another step: then the remote module has no function of its name."""
        return any(field.kind == "estimate" for field in self.reply.values())


class Capabilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the pair can do; the job is checked against it."""

    targets: Literal["one", "many"]
    target_types: tuple[Literal["continuous", "binary"], ...]
    mechanism: Literal["MAR", "MNAR"] = "MAR"
    central_only: bool = False


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """JSON Schema of the pair's parameters: the form is made from it and the API validates with it.

    A parameter with `column = "predictor"` names one, by name or 1-based index; it has no default, so every job must state it.
    """

    properties: dict[str, dict[str, Any]] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The parameters that name a column."""
        return tuple(name for name, schema in self.properties.items() if "column" in schema)

    def schema(self) -> dict[str, Any]:
        """A complete JSON Schema: unknown parameters are refused."""
        return {"type": "object", "additionalProperties": False, "properties": self.properties}


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of `manifest.toml`."""

    name: str
    version: str
    title: str
    access: Literal["blind", "rows"]
    capabilities: Capabilities
    steps: dict[str, Step]
    reference: str = ""
    parameters: Parameters = Parameters()

    def resolve_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a job: defaults of the schema, overridden by `given`. Raises :class:`InputError` naming the parameter."""
        for name in given:
            if name not in self.parameters.properties:
                known, found = ", ".join(self.parameters.properties) or "none", nearest(name, self.parameters.properties)
                meant = f"; did you mean {found!r}" if found else ""
                reason = f"{self.name} has no such parameter (it has: {known}){meant}"
                raise InputError(Code.JOB_PARAMETERS, parameter=name, reason=reason)
        for name in self.parameters.columns:
            if name not in given:
                raise InputError(Code.JOB_PARAMETERS, parameter=name, reason="must name a column; it has no default")
        values = {name: schema["default"] for name, schema in self.parameters.properties.items() if "default" in schema} | dict(given)
        for error in jsonschema.Draft202012Validator(self.parameters.schema()).iter_errors(values):
            name = str(error.path[0]) if error.path else "(parameters)"
            raise InputError(Code.JOB_PARAMETERS, parameter=name, reason=error.message)
        return values


class Pair(msgspec.Struct, frozen=True):
    """The three files of an algorithm, as bytes, with the parsed manifest."""

    manifest: Manifest
    manifest_bytes: bytes
    central_source: bytes
    remote_source: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the three files together, each preceded by its role and length, in hexadecimal."""
        digest = hashlib.sha256()
        for role, data in (
            ("central", self.central_source),
            ("remote", self.remote_source),
            ("manifest", self.manifest_bytes),
        ):
            digest.update(f"{role}:{len(data)}:".encode())
            digest.update(data)
        return digest.hexdigest()


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in `data`. Raises :class:`InputError` that names the key."""
    if len(data) > _MAX_BYTES:
        raise _wrong("(size)", f"a manifest has at most {_MAX_BYTES} bytes")
    if any(line.count(b".") > _MAX_DOTS for line in data.split(b"\n")):
        raise _wrong("(syntax)", f"a line has more than {_MAX_DOTS} dots")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong("(syntax)", str(error)) from error
    except RecursionError as error:
        raise _wrong("(syntax)", "it is nested too deeply") from error
    try:
        manifest = msgspec.convert(table, Manifest)
    except msgspec.ValidationError as error:
        raise _wrong(_key_of(error, table), str(error)) from error
    _check(manifest)
    return manifest


def make_pair(manifest: bytes, central: bytes, remote: bytes) -> Pair:
    """A pair from its three files. Sources are checked for encoding only; what they say is judged by the worker that compiles them."""
    for module, source in (("central module", central), ("remote module", remote)):
        try:
            source.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(Code.PAIR_SOURCE, module=module, reason="is not UTF-8 text") from error
    return Pair(parse_manifest(manifest), manifest, central, remote)


def load_pair(folder: Path) -> Pair:
    """The pair in `folder`; raises :class:`InputError` that says which file is missing."""
    if not folder.is_dir():
        raise InputError(Code.PAIR_SOURCE, module=str(folder), reason="is not a folder")
    manifest_bytes = _read(folder / MANIFEST_NAME)
    name = parse_manifest(manifest_bytes).name
    return make_pair(manifest_bytes, _read(folder / f"{name}Central.py"), _read(folder / f"{name}Remote.py"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(Code.PAIR_SOURCE, module=path.name, reason=f"cannot be read ({error.strerror})") from error


def _check(manifest: Manifest) -> None:
    if not _NAME.match(manifest.name):
        raise _wrong("name", "must be a letter followed by letters, digits or _ (at most 32)")
    if not _VERSION.match(manifest.version):
        raise _wrong("version", "must look like 1.0.0")
    if not manifest.capabilities.target_types:
        raise _wrong("capabilities.target_types", "must name at least one type")
    if not manifest.steps:
        raise _wrong("steps", "must declare at least one step")
    for name, step in manifest.steps.items():
        _check_step(name, step)
        _check_access(manifest, name, step)
    for name, schema in manifest.parameters.properties.items():
        _check_parameter(name, schema)
    _check_chains(manifest)


def _check_step(name: str, step: Step) -> None:
    if not _STEP_NAME.match(name) or name in BUILT_IN_STEPS:
        reserved = ", ".join(BUILT_IN_STEPS)
        raise _wrong(f"steps.{name}", f"a step is a lower-case name of at most 32 characters, other than {reserved}")
    for argument, field in step.request.items():
        key = f"steps.{name}.request.{argument}"
        if not _STEP_NAME.match(argument) or argument == "rows":
            raise _wrong(key, "an argument is a lower-case name, other than rows")
        if field.shape and field.type != "float":
            raise _wrong(key, "only a float may have a shape")
        if len(field.shape) > 1:
            raise _wrong(key, "a shape has one dimension at most")


def _check_access(manifest: Manifest, name: str, step: Step) -> None:
    """What a step may answer and do depends on whether its code sees rows."""
    sees_rows = manifest.access == "rows"
    for field_name, field in step.reply.items():
        key = f"steps.{name}.reply.{field_name}"
        if (field.kind in VERIFIED) is not sees_rows:
            allowed = ", ".join(VERIFIED) if sees_rows else "kernels"
            raise _wrong(f"{key}.kind", f'with access = "{manifest.access}" the fields of a reply are {allowed}')
        if field.shape and (field.kind != "sum" or len(field.shape) > MAX_SUM_DIMENSIONS):
            raise _wrong(f"{key}.shape", f"only a sum has a shape, of {MAX_SUM_DIMENSIONS} dimensions at most")
        if (field.kind == "estimate") is not bool(field.score):
            raise _wrong(f"{key}.score", "an estimate, and nothing else, names the step whose sums it is the root of")
        if field.score:
            _check_score(manifest, name, step, field.score)
    if (step.fills or step.draws) and not sees_rows:
        raise _wrong(f"steps.{name}.fills", "a blind step fills cells with rows.draw")
    if step.draws and not step.fills:
        raise _wrong(f"steps.{name}.draws", "only a step that fills cells gets random numbers")
    if step.fills and (step.reply or step.request.get(step.fills) != RequestField("column")):
        raise _wrong(f"steps.{name}.fills", "must be an argument of type column of a step without a reply")
    if sees_rows and not (step.fills or step.reply):
        raise _wrong(f"steps.{name}", "a step of code that sees rows has a reply or fills a target")


def _check_score(manifest: Manifest, name: str, step: Step, score_name: str) -> None:
    score = manifest.steps.get(score_name)
    if len(step.reply) > 1 or score is None or "beta" in step.request:
        raise _wrong(f"steps.{name}.reply", "an estimate is the only field of a step without a beta, and its score is another step")
    if score.request != {**step.request, "beta": RequestField("float", ("q",))}:
        raise _wrong(f"steps.{score_name}.request", f'must be that of {name} and beta = {{ type = "float", shape = ["q"] }}')
    if score.reply != {"gradient": ReplyField("sum", ("q",)), "information": ReplyField("sum", ("q", "q"))}:
        raise _wrong(f"steps.{score_name}.reply", 'must be the sums gradient, shape ["q"], and information, shape ["q", "q"]')


def _check_parameter(name: str, schema: dict[str, Any]) -> None:
    key = f"parameters.properties.{name}"
    _check_keywords(key, schema)
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise _wrong(key, error.message) from error
    if "title" not in schema:
        raise _wrong(key, "a parameter needs a title")
    if "column" in schema and (schema["column"] != "predictor" or "default" in schema):
        raise _wrong(key, 'a parameter that names a column has column = "predictor" and no default')
    if "column" not in schema and "default" not in schema:
        raise _wrong(key, "a parameter needs a default")


def _check_chains(manifest: Manifest) -> None:
    """`chains` is a parameter with a meaning of its own: the round engine runs the central module so many times, side by side."""
    schema = manifest.parameters.properties.get(CHAINS)
    if schema is None:
        return
    if manifest.capabilities.targets == "one":
        raise _wrong(f"parameters.properties.{CHAINS}", "a pair of one target has no chains")
    if manifest.access == "rows":
        raise _wrong(f"parameters.properties.{CHAINS}", "code that sees rows is lent them once, for one chain")
    if (schema.get("type"), schema.get("default"), schema.get("minimum")) != ("integer", 1, 1):
        raise _wrong(f"parameters.properties.{CHAINS}", 'must have type = "integer", default = 1 and minimum = 1')


def _check_keywords(key: str, schema: dict[str, Any]) -> None:
    for keyword in schema.keys() - _SCHEMA_KEYWORDS:
        raise _wrong(f"{key}.{keyword}", "this keyword of JSON Schema is not allowed here")
    items = schema.get("items")
    if isinstance(items, dict):
        _check_keywords(f"{key}.items", items)


def _key_of(error: msgspec.ValidationError, table: dict[str, Any]) -> str:
    """The key an error is about. msgspec shows the keys of a table as [...]: find the step and field that is wrong by itself."""
    text = str(error)
    for step, declaration in dict(table.get("steps", {})).items():
        for part, type_ in (("request", RequestField), ("reply", ReplyField)):
            fields = declaration.get(part, {}) if isinstance(declaration, dict) else {}
            for name, field in fields.items() if isinstance(fields, dict) else ():
                try:
                    msgspec.convert(field, type_)
                except msgspec.ValidationError as wrong:
                    return f"steps.{step}.{part}.{name}{_path_of(str(wrong)).removeprefix('$')}"
    return _path_of(text).removeprefix("$.") or "(top level)"


def _path_of(text: str) -> str:
    """The path at the end of a message of msgspec, `$` for the whole."""
    return text.split("`")[-2] if text.endswith("`") and "`$" in text else ""


def _wrong(key: str, reason: str) -> InputError:
    return InputError(Code.MANIFEST_INVALID, key=key, reason=reason)
