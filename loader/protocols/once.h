// SPDX-License-Identifier: Apache-2.0
// loader/protocols/once.h: a call as all fronts see it, between decoding and encoding.
//
// The rules that clients rely on live here once: what goes into params, what `expect` allows, what
// attributes an output carries. Plain values and pure functions; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "loader/api/budget.h"
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

// Where engines find who calls, among params. A client's own of this name is dropped.
inline constexpr const char* kCallerParam = ":caller";
// Where they find the trace that the call is a part of, as W3C Trace Context has it. In place of a
// client's own where the loader knows better.
inline constexpr const char* kTraceParam = "traceparent";
inline constexpr const char* kTraceStateParam = "tracestate";
// Where typed models find what the client of an HTTP call accepts, in the same way.
inline constexpr const char* kAcceptParam = ":accept";

// params gets kCallerParam where the caller is known, kTraceParam and kTraceStateParam where there
// is a trace, the headers that [aiges] headerPass names,
// and always "sid"; params["psr_ids"]
// ("1,2") becomes psr_ids.
void PassHeaders(const ServiceSettings& settings, OnceCall* call);

// kInvalid when the call cannot be handed to an engine: data from elsewhere, or a NUL in a key,
// parameter or attribute, which are C strings there. Parameters are those that PassHeaders has
// completed. Of a once call: there must be a payload.
Status CheckInput(const OnceCall& call);
Status CheckSource(const OnceCall& call);
Status CheckPayload(const Payload& payload);

// kOverloaded where clients hold as many bytes of answers as they may: more calls would only add to
// them. Counts a refusal.
Status CheckRoom(Account* output);
// What a message is told that has more parts than it may (api/message_limits.h).
std::string TooManyParts(size_t most, std::string_view parts);

// The place of a payload in its stream: its attribute "status", or `without` where that is none.
DataStatus StreamStatus(const Payload& payload, DataStatus without);

// Of entries with one key only the last counts, as of the maps that other protocols have; it stays
// where it stands, or takes the place of the first. Time linear in their number, whatever the keys.
enum class Kept { kLast, kFirst };
void KeepLast(Pairs* pairs, Kept kept_at = Kept::kLast);

// Checks a successful reply against `expect` and gives each output the attributes the client gets:
// the engine's desc, overlaid with those of expect, then seq "0" and status "3".
Status CheckOutput(const std::vector<Expected>& expect, std::vector<Payload>* outputs);

// The outputs of a once call, for protocols in which a key stands once: in each group those of one
// key, in order, and the groups by their first. Where all of a group are text they are one: their
// bytes joined (what was cut within a character is whole again), with the attributes of all, of
// equal ones the last. Keys are made UTF-8 (VisibleUtf8). No group is empty.
using OutputsByKey = std::vector<std::vector<Payload>>;
OutputsByKey ByKey(std::vector<Payload> outputs);

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
