"""Which of the arguments offered a user's hook wants, and in which order.

User code of many ages is in the field: parameters came and went, and were renamed. Rule: fill by
parameter name where every required name is known, else the first N by position. Run once per hook.

METHODS (class style) and FUNCTIONS (module functions) are what the loader offers each hook. Part
of libwrapper.so, whose contract.cc has the same strings; tests/sdk/test_signature.py compares them.
"""

import inspect

METHODS = {
    "wrapperInit": "config",
    "wrapperWarmup": "config",
    "wrapperOnceExec": "params reqData usrTag psrId sid",
    "wrapperOnceExecAsync": "params reqData usrTag psrId sid",
    "wrapperBatchExec": "params reqData usrTags",
    "wrapperStream": "params requests usrTag psrId sid",
    "wrapperCreate": "params sid psrId usrTag",
    "wrapperWrite": "handle reqData sid",
    "wrapperRead": "handle sid",
    "wrapperDestroy": "handle",
    "wrapperLoadRes": "reqData patch_id resId",
    "wrapperUnloadRes": "patch_id resId",
    "wrapperError": "errNum",
    "wrapperFini": "",
}
FUNCTIONS = {
    **METHODS,
    "wrapperOnceExec": "usrTag params reqData respData psrIds psrCnt",
    "wrapperOnceExecAsync": "usrTag params reqData respData psrIds psrCnt",
    "wrapperCreate": "usrTag params psrIds psrCnt errNum",
    "wrapperRead": "handle respData",
    "wrapperDestory": "handle",
}

ALIASES = {
    "req": "reqData",
    "data": "reqData",
    "reqdata": "reqData",
    "req_data": "reqData",
    "usertag": "usrTag",
    "usrtag": "usrTag",
    "usr_tag": "usrTag",
    "persid": "psrId",
    "psrid": "psrId",
    "psr_id": "psrId",
    "psrids": "psrIds",
    "psrcnt": "psrCnt",
    "respdata": "respData",
    "resp": "respData",
    "cfg": "config",
    "conf": "config",
    "code": "errNum",
    "errnum": "errNum",
    "ret": "errNum",
    "resid": "resId",
    "res_id": "resId",
    "patchid": "patch_id",
    "usrtags": "usrTags",
}


def kind(function: object) -> int:
    """Return 0 for a plain function, 1 generator, 2 async generator, 3 coroutine function."""
    if inspect.isgeneratorfunction(function):
        return 1
    if inspect.isasyncgenfunction(function):
        return 2
    return 3 if inspect.iscoroutinefunction(function) else 0


def plan(function: object, roles: str) -> "list[int]":
    """Return the indices into roles.split() that function is called with, in order."""
    offered = roles.split()
    try:
        parameters = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return list(range(len(offered)))
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return list(range(len(offered)))
    by_name = []
    for parameter in positional:
        name = ALIASES.get(parameter.name.lower(), parameter.name)
        if name in offered:
            by_name.append(offered.index(name))
        else:
            break
    rest = positional[len(by_name) :]
    if by_name and all(p.default is not p.empty for p in rest):
        return by_name
    return list(range(min(len(positional), len(offered))))
