# SPDX-License-Identifier: Apache-2.0
"""Everything public of PyPI's aiges 0.16.0 is in ours, or is listed here with the reason."""

import importlib
import inspect

import published

# Modules that wrappers have no use for: why each is not here.
SERVER = "its own way of serving, in place of which AIService is"
PAGES = "its own pages: AIService has /docs and /"
TOOL = "its command line: asectl"
FIELDS = "its schema as pydantic models; ours is plain JSON (aiges.schema)"
CLOUD = "a client of iflytek's cloud, or of services of theirs; ours is aiges.client"
BROKEN = "cannot be imported there either: it wants a module that no package it asks for has"
OWN = "its own tests and samples"
LEFT_OUT = {
    "aiges.aiges_inner": SERVER,
    "aiges.aiges_inner.aiges_inner_pb2": SERVER,
    "aiges.aiges_inner.aiges_inner_pb2_grpc": SERVER,
    "aiges.aiges_inner.grpc_stdio_pb2": SERVER,
    "aiges.aiges_inner.grpc_stdio_pb2_grpc": SERVER,
    "aiges.backend": BROKEN,
    "aiges.call_wrapper": SERVER,
    "aiges.client": "a package with a client of another kind: see aiges.client of ours",
    "aiges.client.client": CLOUD,
    "aiges.client.utils.aipass_client": CLOUD,
    "aiges.client.utils.exception": CLOUD,
    "aiges.client.utils.ne_utils": CLOUD,
    "aiges.cmd": TOOL,
    "aiges.cmd.config": TOOL,
    "aiges.cmd.create": TOOL,
    "aiges.cmd.package": TOOL,
    "aiges.cmd.root": TOOL,
    "aiges.__main__": TOOL,
    "aiges.context": "ours says what a call can ask about itself; theirs is empty",
    "aiges.context.context": BROKEN,
    "aiges.core.aiges_methods": PAGES,
    "aiges.core.metadata": BROKEN,
    "aiges.core.rest": BROKEN,
    "aiges.gradio_util": PAGES,
    "aiges.gradio_util.component": PAGES,
    "aiges.protocol.struct": BROKEN,
    "aiges.protocol.xsf_pb2": CLOUD,
    "aiges.protocol.xsf_pb2_grpc": CLOUD,
    "aiges.protocol.xsfcli": BROKEN,
    "aiges.schema.aischema": FIELDS,
    "aiges.schema.types": FIELDS,
    "aiges.schema.utils.schemaUtils": FIELDS,
    "aiges.serve": SERVER,
    "aiges.serve_new": SERVER,
    "aiges.server": SERVER,
    "aiges.server2": SERVER,
    "aiges.utils.audit": CLOUD,
    "aiges.utils.audit_service": CLOUD,
    "aiges.utils.flask_utils": PAGES,
    "aiges.utils.shm": OWN,
    "aiges.utils.shm.shm_helper": OWN,
    "aiges.wrapper": OWN,
    "aiges.wrapper_test": OWN,
}
FOLDERS_LEFT_OUT = ("backup", "examples", "test_data", "tests", "ws")

LOADER = "as the loader's own class has it, which is what hooks get: aiges_embed"
DIFFERENT = {
    "aiges.callback.callback": LOADER,
    "aiges.callback.getFileLogger": "imported there for its own log",
    "aiges.callback.log": "its own log; importing it writes a file there",
    "aiges.dto.Response.toJSON": "of the debug class only: the loader's has none",
    "aiges.dto.ResponseData.__init__": LOADER,
    "aiges.dto.ResponseData.toJSON": "of the debug class only: the loader's has none",
    "aiges.dto.SessionCreateResponse.toJSON": "of the debug class only: the loader's has none",
    "aiges.dto.callback": LOADER,
    "aiges.sdk.WrapperBase.__init__": "schema() is plain JSON unless a gateway's is asked for",
    "aiges.sdk.WrapperBase.gradio": PAGES,
    "aiges.sdk.tpl": "the text of its template; ours is made of dicts (aiges.schema)",
    "aiges.stream.ProcessThreadPool": "its processes share nothing: [instances] count",
    "aiges.stream.SessionManager.init_processes": "its processes share nothing: [instances] count",
    "aiges.stream.WorkerProcess": "its processes share nothing: [instances] count",
    "aiges.stream.lock": "a lock of its module; each SessionManager has one",
    "aiges.utils.log.ch": "importing it changes the root logger there; not here",
}


def modules(package):
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        if parts[0] in FOLDERS_LEFT_OUT:
            continue
        name = ".".join((package.name, *parts))
        yield name.removesuffix(".__init__")


def test_every_module_is_here_or_left_out_for_a_reason(pypi_package):
    missing = set()
    for name in modules(pypi_package):
        if name in LEFT_OUT:
            continue
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.add(f"{name}: {error}")
    assert not missing
    assert not set(LEFT_OUT) - set(modules(pypi_package)), "left out, but not there"


def test_every_name_is_as_there_or_differs_for_a_reason(pypi_package):
    found = set()
    for name in modules(pypi_package):
        if name not in LEFT_OUT:
            found |= set(differences(name, published.read(pypi_package, name)))
    assert found == set(DIFFERENT)


def differences(name, theirs):
    ours = importlib.import_module(name)
    for wanted, origin in theirs.imported.items():
        if origin not in LEFT_OUT and f"{origin}.{wanted}" not in DIFFERENT:
            if not hasattr(ours, wanted):
                yield f"{name}.{wanted}"
    for wanted, value in theirs.values.items():
        known = getattr(ours, wanted, _NONE)
        if known is _NONE or (value is not None and known != value):
            yield f"{name}.{wanted}"
    for wanted, signature in theirs.functions.items():
        if not accepts(getattr(ours, wanted, None), signature):
            yield f"{name}.{wanted}"
    for wanted, cls in theirs.classes.items():
        known = getattr(ours, wanted, None)
        if not inspect.isclass(known) or not set(cls.bases) <= {b.__name__ for b in known.__mro__}:
            yield f"{name}.{wanted}"
        else:
            yield from (f"{name}.{wanted}.{each}" for each in members(known, cls))


def members(ours, theirs):
    for name, signature in theirs.methods.items():
        known = inspect.getattr_static(ours, name, None)
        if signature is None:
            if not isinstance(known, property):
                yield name
        elif name == "__init__" and issubclass(ours, type):
            continue
        elif not accepts(known, signature):
            yield name
    for name, value in theirs.values.items():
        known = getattr(ours, name, _NONE)
        if known is _NONE or (value is not None and known != value):
            yield name


def accepts(ours, theirs):
    """Whether every call that theirs takes is taken, by the same names, with the same defaults."""
    if not callable(ours):
        return False
    parameters = list(inspect.signature(ours).parameters.values())
    stars = {each.kind for each in parameters}
    named = [each for each in parameters if each.kind == each.POSITIONAL_OR_KEYWORD]
    if theirs.names[:1] in (["self"], ["cls"]):
        named, names = named[1:], theirs.names[1:]
    else:
        names = theirs.names
    if theirs.star and inspect.Parameter.VAR_POSITIONAL not in stars:
        return False
    if [each.name for each in named[: len(names)]] != names:
        return False
    for each in named[: len(names)]:
        if each.name in theirs.optional and each.default is each.empty:
            return False
        wanted = theirs.defaults.get(each.name)
        if wanted is not None and (each.default or None) != (wanted or None):
            return False
    return all(each.default is not each.empty for each in named[len(names) :])


_NONE = object()
