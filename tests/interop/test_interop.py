# SPDX-License-Identifier: Apache-2.0
"""The interoperability cases of gRPC, by the client of grpc-go."""

import pytest
from others_tools import run_tool

WITHOUT_SERVICE = ["unimplemented_method", "unimplemented_service"]
CASES = [
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "special_status_message",
    "custom_metadata",
    *WITHOUT_SERVICE,
]


def run_case(address, case):
    """Fails with what the client says."""
    host, port = address.split(":")
    run_tool("grpc_interop_client", "-server_host", host, "-server_port", port, "-test_case", case)


@pytest.mark.parametrize("case", CASES)
def test_case_holds_for_grpcios_own_server(grpcio_server, case):
    """So the service is as the client wants it, before another server is tried with it."""
    run_case(grpcio_server, case)


@pytest.mark.parametrize("case", CASES)
def test_case_holds_for_a_servicer_behind_a_door(aiservice, case):
    run_case(aiservice, case)


@pytest.mark.parametrize("case", WITHOUT_SERVICE)
def test_case_that_needs_no_service_holds_for_aiservice(shared, case):
    run_case(shared.grpc, case)
