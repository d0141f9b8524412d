// loader/ingress/once.h: a call as all fronts see it, between decoding and encoding.
//
// The rules that clients rely on live here once: what goes into params, what `expect` allows, what
// attributes an output carries. Plain values and pure functions; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "loader/api/request.h"
#include "loader/api/settings.h"

namespace aiges {

// An output stream the client accepts.
struct Expected {
  std::string name;
  std::optional<DataType> type;  // Empty: any (HTTP without data_type).
  Pairs attributes;
};

struct OnceCall {
  std::string service_id;
  Pairs headers;
  std::vector<Expected> expect;  // Empty: everything the engine returns.
  Request request;
};

// params gets the headers that [aiges] headerPass names, and always "sid"; params["psr_ids"] ("1,2")
// becomes psr_ids.
void PassHeaders(const ServiceSettings& settings, OnceCall* call);

// kInvalid when the payloads cannot be handed to an engine. Of a once call: there must be one.
Status CheckInput(const OnceCall& call);
Status CheckSource(const OnceCall& call);

// The place of a payload in its stream: its attribute "status", or `without` where that is none.
DataStatus StreamStatus(const Payload& payload, DataStatus without);

// Checks a successful reply against `expect` and gives each output the attributes the client gets:
// the engine's desc, overlaid with those of expect, then seq "0" and status "3".
Status CheckOutput(const std::vector<Expected>& expect, std::vector<Payload>* outputs);

// The same for one batch of a session, whose streams are numbered: desc, overlaid with those of
// expect, then seq (from "1" on in each stream) and status.
class StreamOutput {
 public:
  explicit StreamOutput(std::vector<Expected> expect) : expect_(std::move(expect)) {}
  Status Check(std::vector<Payload>* outputs);

 private:
  std::vector<Expected> expect_;
  std::map<std::string, uint64_t> seq_;
};

// Milliseconds per stage, in the syntax of the Server-Timing header (W3C Server Timing).
std::string ServerTiming(const StageTimes& times);

}  // namespace aiges
