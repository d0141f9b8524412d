"""Return codes of the hooks, as the shim reports them to the loader."""

OK = 0
INIT_ERROR = 30001
USER_INIT_ERROR = 30002
USER_EXEC_ERROR = 30003
