// SPDX-License-Identifier: Apache-2.0
// xtest/call.h: one call, from its planned time to what came of it. Values, filled by the runner
// (first part) and by the client of the protocol (second part); reused from call to call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loader/base/clock.h"
#include "xtest/plan.h"

namespace aiges {

constexpr int kNoAnswer = -1;  // The code of calls that the service did not answer.

// A part of a result. Parts of one stream stand together, in order, as one datum.
struct ResultItem {
  std::string name;
  DataType type = DataType::kText;
  std::string data;
};

// Milliseconds, as the server says.
struct StageSample {
  bool known = false;
  double queue = 0, channel = 0, engine = 0, total = 0;
};

struct Call {
  uint64_t index = 0;  // loopIndex: says which file of each stream.
  size_t host = 0;
  std::string sid;
  bool wants_timing = false;  // A sample: server_timing is asked for.
  bool counted = true;        // Not part of the warm-up.
  TimePoint planned{}, sent{};

  int code = 0;               // Of the service; kNoAnswer.
  std::string text;           // Of an error.
  std::string handle;         // The server's name for the call, when it is not the sid.
  bool given_up = false;      // By Client::Cancel.
  TimePoint last_packet{};    // Sessions: when the last input left.
  TimePoint first{}, last{};  // Of results; a failed call has `last` only.
  uint32_t items = 0;
  uint64_t bytes_out = 0, bytes_in = 0;
  StageSample stages;
  std::vector<ResultItem> results;  // With Plan::keep_results.

  // As before the first call; memory is kept.
  void ClearOutcome() {
    code = 0;
    text.clear();
    handle.clear();
    given_up = false;
    last_packet = first = last = TimePoint{};
    items = 0;
    bytes_out = bytes_in = 0;
    stages.known = false;
    results.clear();
  }
  void Fail(std::string why, int with = kNoAnswer) {
    code = with;
    text = std::move(why);
  }
  const std::string& id() const { return handle.empty() ? sid : handle; }
};

// Told of every counted call that ended: for result files and records of single calls.
// Called from all client threads at once; must not keep them waiting.
class CallSink {
 public:
  virtual ~CallSink() = default;
  virtual void OnCall(const Call& call) = 0;
};

}  // namespace aiges
