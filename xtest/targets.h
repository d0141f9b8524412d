// SPDX-License-Identifier: Apache-2.0
// xtest/targets.h: where the calls go: addresses, a file of peers, or a service that Consul knows.
// The same forms as targets of the Python client (sdk/aiges/balance/targets.py).
//
// Parsing is pure; ResolveTargets reads the file or asks Consul over HTTP and may wait for some
// seconds. It is asked once, before the run: hosts that come later are not used.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

struct Targets {
  std::vector<std::string> hosts;  // host:port; of a registry the gRPC port.
  std::vector<unsigned> weights;   // Beside hosts.
  // Beside hosts: host:port of its HTTP server, empty where nobody said. Only of a registry; else
  // `hosts` is what the protocol needs.
  std::vector<std::string> http_hosts;
  // file:path?service=..&tag=..; empty when it is none.
  std::string file, file_service;
  // consul://service?..; service is empty when it is none. What is not given here comes from
  // CONSUL_HTTP_ADDR, CONSUL_CACERT, CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY.
  std::string consul_service, consul_dc, consul_agent, ca, cert, key;
  std::string tag;     // Of both.
  std::string notice;  // What was corrected, if anything.

  bool registry() const { return !file.empty() || !consul_service.empty(); }
};

// "host:port*3,host:port", "svc@ip:port;ip:port,svc2@ip:port" (those of `service` are taken),
// "file:peers.toml" or "consul://svc?tag=v2&dc=dc1&agent=http://consul:8500".
Status ParseTargets(std::string_view text, std::string_view service, Targets* out);

// Fills the hosts of a registry with their weights: the peers of the file, or the passing
// instances.
Status ResolveTargets(Targets* targets);
// The answer of /v1/health/service.
Status ReadConsulAnswer(const std::string& json, Targets* targets);
// The content of a file of [[peer]] tables.
Status ReadPeers(const std::string& name, const std::string& text, Targets* targets);
// Leaves of the hosts of a registry those that speak HTTP, by their HTTP address.
Status TakeHttpHosts(Targets* targets);

}  // namespace aiges
