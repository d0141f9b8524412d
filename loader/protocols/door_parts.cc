// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/door_parts.h"

#include <algorithm>
#include <utility>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"
#include "loader/protocols/once.h"

namespace aiges {
namespace {

constexpr std::string_view kTrailers = ":trailers";
constexpr std::string_view kMessage = "grpc-message";  // Any text: it is packed where it is sent.

bool IsToken(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

// RFC 9113, section 8.2.1.
bool IsValue(std::string_view value) {
  const auto bad = [](char c) { return c == '\0' || c == '\r' || c == '\n'; };
  return std::none_of(value.begin(), value.end(), bad);
}

// What says how a connection carries a message is the transport's.
bool IsTransports(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "connection", "content-length", "keep-alive",        "proxy-connection",
      "te",         "trailer",        "transfer-encoding", "upgrade"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace

Payload DoorHead(const char* key, const Exchange& exchange, std::string_view id) {
  const RequestHead& head = exchange.head();
  Payload part;
  part.key = key;
  part.type = DataType::kOther;
  part.desc.reserve(head.fields.size() + 6);
  const std::string& prefix = exchange.mount().prefix;
  bool own = true;  // Among the pseudo-fields, which come first.
  bool has_id = false;
  const Origin* const origin = exchange.caller().origin.get();
  const bool traced = origin != nullptr && origin->trace.valid();  // The loader says of what.
  const auto add_own = [&] {
    const Peer& peer = exchange.peer();
    part.desc.emplace_back(":client", peer.address);
    part.desc.emplace_back(":port", std::to_string(peer.local_port));
    part.desc.emplace_back(":version", std::to_string(head.version));
    const std::string& caller = exchange.caller().name;
    if (!caller.empty()) part.desc.emplace_back(":caller", caller);
    if (!prefix.empty()) part.desc.emplace_back(":root", prefix);
    own = false;
  };
  for (const Fields::Field f : head.fields) {
    if (own && !f.name.starts_with(':')) add_own();
    has_id = has_id || f.name == "x-request-id";
    if (traced && (f.name == kTraceParam || f.name == kTraceStateParam)) continue;
    std::string_view value = f.value;
    if (!prefix.empty() && f.name == ":path") value = value.substr(prefix.size());
    part.desc.emplace_back(std::string(f.name), std::string(value));
  }
  if (own) add_own();
  if (!has_id) part.desc.emplace_back("x-request-id", std::string(id));
  if (traced) {
    part.desc.emplace_back(kTraceParam, TraceParentOf(origin));
    if (!origin->trace.state.empty()) part.desc.emplace_back(kTraceStateParam, origin->trace.state);
  }
  return part;
}

Request DoorRequest(const Exchange& exchange, const Door& door, std::string id) {
  Request request;
  request.model = exchange.mount().model;
  request.origin = exchange.caller().origin;
  request.handle = std::move(id);
  request.protocol = "http";
  request.arrived = exchange.head().arrived;
  request.deadline = TimePoint::max();
  request.no_limit = door.long_calls;
  return request;
}

Payload DoorPiece(const char* key, DataStatus status, Bytes data) {
  Payload part;
  part.key = key;
  part.type = DataType::kOther;
  part.status = status;
  part.data = std::move(data);
  return part;
}

DoorAnswer ReadDoorAnswer(const Pairs& desc, bool trailers_only, int other) {
  DoorAnswer answer;
  Fields* to = trailers_only ? &answer.trailers : &answer.head;
  for (const auto& [name, value] : desc) {
    if (name == kTrailers) {
      to = &answer.trailers;
      continue;
    }
    if (name == ":status") {
      int status = 0;
      const bool sound = ReadWhole(value, &status) && value.size() == 3 &&
                         ((status >= 200 && status <= 599) || (other != 0 && status == other));
      if (!sound) answer.wrong = StrCat(":status: expected 200 to 599, got ", value);
      answer.status = status;
      continue;
    }
    const bool sound = !name.empty() && std::all_of(name.begin(), name.end(), &IsToken);
    if (!sound || (!IsValue(value) && name != kMessage)) {
      answer.wrong = StrCat("expected a field of a head, got ", name.empty() ? "no name" : name);
      continue;
    }
    if (name == "content-length" && to == &answer.head) {
      uint64_t length = 0;
      if (ReadWhole(value, &length)) answer.length = length;
    }
    if (!IsTransports(name)) to->Add(name, value);
  }
  return answer;
}

}  // namespace aiges
