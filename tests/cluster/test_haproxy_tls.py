# SPDX-License-Identifier: Apache-2.0
"""The proxy of deploy/haproxy in front of loaders that speak TLS."""

import pytest
from certificates import Authority, tls
from haproxy_process import Cluster, by_grpc, by_http


@pytest.fixture
def cluster(consul, tmp_path):
    found = Cluster(consul, tmp_path, "svcTls")
    with found.stack:
        yield found


def test_hosts_that_speak_tls_with_certificates_of_both(cluster, tmp_path):
    authority = Authority(tmp_path / "ca")
    own = authority.issue("proxy")
    pem = tmp_path / "own.pem"
    pem.write_text(own.cert.read_text() + own.key.read_text())
    host = tls(authority.issue("host"), client_ca=str(authority.file))
    for _ in range(2):
        cluster.add({"tls": host, "registry": {"check": "ttl"}})  # Consul shows no certificate.
    words = f"ssl verify required ca-file {authority.file} sni str(localhost) crt {pem}"
    proxy = cluster.proxy(env={"AIGES_HOSTS_TLS": words})
    assert {by_grpc(proxy) for _ in range(8)} == cluster.pids()
    assert {by_http(proxy, cluster.service) for _ in range(8)} == cluster.pids()
