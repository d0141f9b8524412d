// SPDX-License-Identifier: Apache-2.0
// loader/api/nested.h: calls that running calls make of other models (aiges.call).
//
// A worker says that it makes one; its scheduler knows the call that waits for it, and so what goes
// along; NestedCalls finds the model, sends the call there and brings the answers back through
// Workers::Answer. A call that waits for itself would wait for ever, so it is refused.
//
// Ownership: arguments are taken. A call is named by its worker's
// Place and a number that the worker chose, and is open until its last answer, or End.
// Threads: Begin, Credit, End and PlaceGone belong to the hub thread; CallerOver is thread-safe.
// None waits for an engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loader/api/request.h"
#include "loader/base/clock.h"
#include "loader/base/status.h"

namespace aiges {

struct Place;
class NestedLine;

// Answers of one session that may be on their way to the worker.
inline constexpr uint32_t kNestedWindow = 16;

// What a worker says.
struct NestedEvent {
  enum class Kind : uint8_t {
    kBegin,   // All of what follows.
    kCredit,  // `credit`: so many answers more may come.
    kEnd,     // No further answer is wanted.
  };
  Kind kind = Kind::kBegin;
  uint64_t id = 0;
  uint32_t credit = 0;            // 0: one answer. Else a session.
  std::vector<uint64_t> callers;  // Calls and sessions that wait for it; the first one speaks.
  TimePoint deadline = TimePoint::max();  // Of its own; max: none.
  std::string model, version;
  Pairs params;
  std::vector<Payload> payloads;
};

// Who makes a call, and what goes along.
struct NestedCaller {
  Status status;                         // Not ok: it waits for nothing any more.
  uint64_t id = 0;                       // Of the call or session that speaks; 0: nobody waits.
  std::string name;                      // Of its model.
  std::shared_ptr<const CallPath> path;  // With its model; nothing where nobody waits.
  TimePoint deadline = TimePoint::max();
  std::string request_id;
  OriginRef origin;
  Pairs params;  // That a nested call gets unless it has them.
};

// Of the parameters of a call, those that go along with the calls that it makes.
inline Pairs PassedOn(const Pairs& params) {
  Pairs passed;
  for (const auto& [key, value] : params) {
    const bool goes =
        key == "sid" || key == ":caller" || key == "traceparent" || key == "tracestate";
    if (goes && !value.empty()) passed.emplace_back(key, value);
  }
  return passed;
}

struct NestedAnswer {
  Status status;
  std::vector<Payload> payloads;
  bool last = true;  // Always where the status is not ok.
};

// Calls that one model has made of another.
struct CallsBetween {
  std::string from, to;
  uint64_t calls = 0;     // That have ended.
  uint64_t failures = 0;  // Of these, with an error, or given up.
};

class NestedCalls {
 public:
  virtual ~NestedCalls() = default;

  virtual void Begin(const std::shared_ptr<NestedLine>& line, Place place, NestedEvent call,
                     NestedCaller caller) = 0;
  virtual void Credit(const NestedLine* line, Place place, uint64_t id, uint32_t answers) = 0;
  virtual void End(const NestedLine* line, Place place, uint64_t id) = 0;
  // Sends on what Begin gathered.
  virtual void Flush() = 0;
  // Nobody waits any more for what that call or session had begun: it is given up.
  virtual void CallerOver(uint64_t caller) = 0;
  // The process there has ended.
  virtual void PlaceGone(const NestedLine* line, Place place) = 0;
};

}  // namespace aiges
