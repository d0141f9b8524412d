// SPDX-License-Identifier: Apache-2.0
// loader/protocols/door_table.h: what an engine wants to answer itself: the JSON of wrapperDoors.
//
//   {"doors": [{"http": "/predict", "methods": ["POST"]}, {"http": "/items/{id}"},
//              {"http": "/{path..}", "long": true}, {"grpc": "pkg.Service"}],
//    "refusal": {"type": "application/json", "body": "{\"detail\": %s}"},
//    "descriptors": "base64 of the google.protobuf.FileDescriptorSet of its services of gRPC"}
//
// Patterns are those of the loader's routes. "long": calls that may last for hours: no time limit
// of the loader's own is for them. "about": a line for people. "gzip": answers of gRPC are packed
// for every client that takes it, not only for those that pack their requests.
//
// An engine's word is outside input: what cannot be used is left out, and said in problems().
// Immutable; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aiges {

struct Door {
  enum class Kind { kHttp, kGrpc };

  Kind kind = Kind::kHttp;
  std::string pattern;               // Of a path; of gRPC: the full name of the service.
  std::vector<std::string> methods;  // Of HTTP. Empty: any.
  std::string about;                 // A line for people: the OpenAPI document.
  bool long_calls = false;
  bool gzip = false;  // Of gRPC: answers are packed for all clients that take it.

  bool FitsMethod(std::string_view method) const;
};

// How the host words what it says in place of an engine with doors.
struct DoorRefusal {
  std::string type;  // Empty: in the host's own words.
  std::string body;  // "%s" is the text as a JSON string, "%d" the number of the HTTP status.
};

class DoorTable {
 public:
  DoorTable() = default;
  explicit DoorTable(const std::string& text);

  const std::vector<Door>& doors() const { return doors_; }
  const DoorRefusal& refusal() const { return refusal_; }
  const std::string& descriptors() const { return descriptors_; }  // Decoded.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::vector<Door> doors_;
  DoorRefusal refusal_;
  std::string descriptors_;
  std::vector<std::string> problems_;
};

}  // namespace aiges
