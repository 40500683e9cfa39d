"""What code may not do, found in its syntax tree: names are traced through imports and aliases."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import Final

RUN_WHAT_THEY_READ: Final = {
    *("_pickle", "cPickle", "cloudpickle", "dill", "jsonpickle", "marshal", "pickle", "shelve"),
    *("code", "codeop", "pty", "runpy"),
}
"""Modules that turn bytes or text into running code; what is imported from them counts, too."""

XML: Final = {"lxml", "xml", "xmlrpc"}
"""Parsers that follow entities; there is no XML to read, so none is imported at all."""

BANNED: Final = {
    *("builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__"),
    *("os.popen", "os.system", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("asyncio.create_subprocess_shell", "importlib.util.spec_from_file_location"),
    *("pandas.read_pickle", "pandas.read_hdf", "pandas.read_xml", "pandas.eval"),
    *("numpy.lib.format.read_array", "sklearn.externals", "torch.hub.load"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.unsafe_load_all"),
    *("tempfile.mktemp", "os.tempnam", "hashlib.md5", "hashlib.sha1"),
    *("ssl._create_unverified_context", "ssl.CERT_NONE", "ssl.wrap_socket"),
}
"""Whatever is done with them: called, given away as a value, or bound to another name."""

OF_JOBLIB: Final = {
    *("joblib", "joblib.Parallel", "joblib.cpu_count", "joblib.delayed", "joblib.parallel_config"),
    "joblib.externals.loky.get_reusable_executor",
}
"""What joblib is used for: fan-out. Its files (`load`, `dump`, `Memory`) are pickle."""

METHODS: Final = {"to_pickle", "read_pickle", "to_hdf"}
"""Banned whatever the object is."""

MUST_BE: Final[Mapping[str, bool]] = {
    "allow_pickle": False,
    "check_hostname": True,
    "shell": False,
    "trust_remote_code": False,
    "usedforsecurity": True,
    "verify": True,
    "weights_only": True,
}
"""Keyword -> the one boolean that it may be given; `verify` may be a path, too."""

ANY_ADDRESS: Final = {"0.0.0.0", "::"}
"""Addresses that open a door to everyone; a person may name them, no code may."""

_NOSEC: Final = re.compile(r"#.*\bnosec\b")
_SILENCED: Final = re.compile(r"# noqa: [^-]*\bS\d{3}\b(?!.* - \S)")


def banned(source: str) -> Iterator[str]:
    """Find what is banned in one module."""
    tree = ast.parse(source)
    origins = _origins(tree)
    yield from _banned_imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _banned_call(node, origins)
        elif isinstance(node, ast.Assert):
            yield f"line {node.lineno}: assert, which `python -O` leaves out"
        elif isinstance(node, ast.Constant) and node.value in ANY_ADDRESS:
            yield f"line {node.lineno}: the address {node.value}"
        elif isinstance(node, ast.Assign):
            yield from _banned_switch(node)
    yield from _banned_names(tree, origins)
    yield from _silenced(source)


def draws_from_global_state(source: str) -> bool:
    """Say whether a module imports `random`, whose numbers can be foretold: secrets are none."""
    return any(one.split(".")[0] == "random" for _, one in _imported(ast.parse(source)))


def _banned_imports(tree: ast.Module) -> Iterator[str]:
    for name, origin in _imported(tree):
        if origin.split(".")[0] in RUN_WHAT_THEY_READ | XML or _is_banned(origin):
            yield f"import of {origin} as {name}"


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each name that an import binds, and where it comes from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0], alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _origins(tree: ast.Module) -> dict[str, str]:
    """Return name -> dotted origin, of imports and of names that are bound to them."""
    origins = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                origins[alias.asname or first] = alias.name if alias.asname else first
    for name, origin in _imported(tree):
        origins.setdefault(name, origin)
    bound = [one for one in ast.walk(tree) if isinstance(one, ast.Assign)]
    for _ in range(2):  # an alias of an alias
        for one in bound:
            meant = _dotted(one.value, origins)
            for target in one.targets:
                if meant and isinstance(target, ast.Name) and meant.split(".")[0] in _roots():
                    origins.setdefault(target.id, meant)
    return origins


def _roots() -> set[str]:
    return {one.split(".")[0] for one in BANNED} | {"importlib", "joblib", "numpy", "torch"}


def _dotted(node: ast.expr, origins: Mapping[str, str]) -> str:
    """Return where an expression leads: `np.load`, `getattr(os, "system")`; empty where unknown."""
    if isinstance(node, ast.Name):
        if node.id in {"eval", "exec", "compile", "__import__"}:
            return f"builtins.{node.id}"
        return origins.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value, origins)
        return f"{inner}.{node.attr}" if inner else ""
    if isinstance(node, ast.Call):
        return _made(node, origins)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) in _TABLES_OF_BUILT_INS:
        return f"builtins.{_text(node.slice)}"
    return ""


_TABLES_OF_BUILT_INS: Final = {"__builtins__", "vars(builtins)", "builtins.__dict__"}


def _made(call: ast.Call, origins: Mapping[str, str]) -> str:
    """Return where a call leads that itself gives a module or a function of one."""
    made, first = _dotted(call.func, origins), [_text(one) for one in call.args]
    if made in {"importlib.import_module", "builtins.__import__"} and first:
        return first[0]
    if made == "getattr" and len(first) > 1 and first[1]:
        inner = _dotted(call.args[0], origins)
        return f"{inner}.{first[1]}" if inner else ""
    return ""


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_banned(meant: str) -> bool:
    if meant.split(".", maxsplit=1)[0] == "joblib":
        return meant not in OF_JOBLIB
    return any(meant == one or meant.startswith(f"{one}.") for one in BANNED)


def _banned_names(tree: ast.Module, origins: Mapping[str, str]) -> Iterator[str]:
    """Find banned functions wherever they stand, called or not."""
    inner = {
        id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Attribute | ast.Subscript)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            continue
        if id(node) in inner or isinstance(getattr(node, "ctx", None), ast.Store):
            continue
        meant = _dotted(node, origins)
        root, _, rest = meant.partition(".")
        if isinstance(node, ast.Name) and node.id in origins and node.id not in _BUILT_IN:
            continue  # the import, or the binding, is what is reported
        if _is_banned(meant) or (root in RUN_WHAT_THEY_READ | XML and rest):
            yield f"line {node.lineno}: {meant}"
        elif isinstance(node, ast.Attribute) and node.attr in METHODS:
            yield f"line {node.lineno}: .{node.attr}"


_BUILT_IN: Final = {"eval", "exec", "compile", "__import__"}


def _banned_call(call: ast.Call, origins: Mapping[str, str]) -> Iterator[str]:
    called = _dotted(call.func, origins)
    for keyword in call.keywords:
        if keyword.arg in MUST_BE and _is_wrong(keyword):
            yield f"line {call.lineno}: {ast.unparse(call.func)}({ast.unparse(keyword)})"
    if called == "torch.load" and "weights_only" not in {one.arg for one in call.keywords}:
        yield f"line {call.lineno}: torch.load without weights_only=True"
    if called == "importlib.import_module" and not _text(call.args[0]):
        yield f"line {call.lineno}: import_module of what is no constant"
    if _made(call, origins) in RUN_WHAT_THEY_READ | XML:
        yield f"line {call.lineno}: {ast.unparse(call)}"


def _is_wrong(keyword: ast.keyword) -> bool:
    wanted, given = MUST_BE[str(keyword.arg)], keyword.value
    if isinstance(given, ast.Constant):
        return given.value is not wanted and not (keyword.arg == "verify" and bool(given.value))
    return keyword.arg != "verify"  # a variable may hold anything; of `verify` it is a path


_SWITCHES: Final = {"check_hostname", "verify_mode"}


def _banned_switch(node: ast.Assign) -> Iterator[str]:
    for target in node.targets:
        is_switch = isinstance(target, ast.Attribute) and target.attr in _SWITCHES
        if is_switch and ast.unparse(node.value) in {"False", "0"}:
            yield f"line {node.lineno}: {ast.unparse(node)}"


def _silenced(source: str) -> Iterator[str]:
    """Find comments that silence a security rule: `nosec` at all, `noqa` without its reason."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (
            _NOSEC.search(token.string) or _SILENCED.search(token.string)
        ):
            yield f"line {token.start[0]}: {token.string}"
