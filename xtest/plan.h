// SPDX-License-Identifier: Apache-2.0
// xtest/plan.h: what a run does, as values: made by options.cc and settings.cc, carried out by
// runner.cc. Durations are milliseconds unless the type or name says otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loader/base/strings.h"

namespace aiges {

enum class Protocol { kXsf, kStream, kJson, kRaw, kWebSocket, kEvents, kHttp, kGrpc };
// Any request of a system that xtest knows nothing of.
constexpr bool IsFree(Protocol protocol) {
  return protocol == Protocol::kHttp || protocol == Protocol::kGrpc;
}
enum class Mode { kOnce = 0, kSession = 1, kLines = 2, kFiles = 3 };  // svcMode.sessMode.
enum class Arrival { kClosed, kConstant, kPoisson };

// Numbers as in the XSF protocol (proto/loader.proto).
enum class DataType { kText = 0, kAudio = 1, kImage = 2, kVideo = 3, kOther = 4 };

// One input stream ([<stream>] of xtest.toml), its data read and in order.
struct InputStream {
  std::string name;
  DataType type = DataType::kText;
  Pairs describe;                                        // Attributes of the payload.
  std::vector<std::shared_ptr<const std::string>> data;  // One per file; never empty.
  std::vector<std::string> files;                        // Their names, for result files.
  size_t slice_bytes = 0;    // Sessions: bytes per packet; 0: all at once.
  uint64_t interval_ms = 0;  // Sessions: pause between packets.
};

struct Expected {
  std::string name;
  DataType type = DataType::kText;
  Pairs describe;
};

// PEM files. `ca` says who must have signed the certificates of servers, and that TLS is spoken.
struct TlsFiles {
  static constexpr const char* kSystem = "system";  // As `ca`: the certificates of the machine.
  std::string ca, cert, key;
  bool on() const { return !ca.empty(); }
};

// A request of any other protocol (kHttp, kGrpc): the same bytes in every call.
struct FreeRequest {
  std::string method = "GET";  // Of HTTP.
  std::string path = "/";      // With the query; of gRPC: /package.Service/Method.
  Pairs fields;                // Of the head; of gRPC: metadata.
  std::shared_ptr<const std::string> body;
};

struct Plan {
  Protocol protocol = Protocol::kXsf;
  Mode mode = Mode::kOnce;
  Arrival arrival = Arrival::kClosed;
  std::vector<double> rates;   // Open loop: calls per second, one after the other (a sweep).
  unsigned in_flight = 100;    // Closed loop: multiThr. Open loop: an upper bound, 0: none.
  unsigned threads = 1;        // Client threads; in_flight and rates are shared out among them.
  unsigned connections = 1;    // Per thread and host (gRPC; an HTTP call in flight has its own).
  uint64_t calls = 0;          // loopCnt; 0: until the time is up.
  double seconds = 0;          // Of each rate; 0: until all calls are done.
  double warmup_s = 0;         // Sent, and not counted.
  uint64_t linear_ms = 0;      // Closed loop: in_flight grows over this time.
  uint64_t timeout_ms = 1000;  // waitTime.
  uint64_t time_loss_ms = 50;  // Added to it for the rpc's own deadline.
  std::string service = "AIservice";     // In targets "svc@..".
  std::string service_id = "s12345678";  // LoaderInput.serviceId; the path of HTTP routes.
  std::string sub = "ase";               // First three characters of the sid.
  Pairs headers, params;
  std::string api_key;  // With every request; empty: none.
  TlsFiles tls;
  FreeRequest free;
  std::vector<InputStream> inputs;
  std::vector<Expected> expect;
  std::vector<std::string> hosts;  // host:port.
  std::vector<unsigned> weights;   // Beside hosts.
  bool round_robin = false;        // Else least outstanding (picker.h).
  bool server_timing = true;       // Ask for the time per stage.
  bool keep_results = false;       // Results are handed to the sink (downstream.output).
};

}  // namespace aiges
