// SPDX-License-Identifier: Apache-2.0
// loader/models/nested.h: calls between models: found by name, sent where calls from outside go,
// answered to the worker that has made them.
//
// A call is in the table from Begin until whatever ends it first: its answer, its worker (End,
// PlaceGone), or the end of the call that waits for it (CallerOver). Who takes it out of the table
// acts; everybody else finds nothing.
//
// Data larger than kSharedThreshold are copied once each way: into memory that the workers of the
// other model can read. More than kCopyAtOnce is copied on a thread of its own, so that no other
// model waits for it on the hub.
//
// Threads: as api/nested.h; sinks come from any thread. No lock is held while others are called.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "loader/api/buffers.h"
#include "loader/api/models.h"
#include "loader/api/nested.h"
#include "loader/api/nested_line.h"
#include "loader/api/service.h"
#include "loader/api/session.h"
#include "loader/api/worker.h"
#include "loader/base/clock.h"
#include "loader/base/mutex.h"
#include "loader/base/work_pool.h"

namespace aiges {

class Nested : public NestedCalls {
 public:
  // Bytes that are copied on the thread that is asked.
  static constexpr size_t kCopyAtOnce = 1 << 20;

  // What it stands on; all of it outlives this.
  struct Ground {
    Service* service;
    Sessions* sessions;
    const Models* models;
    const Clock* clock;
    Duration default_timeout;  // Of calls for which nobody says a deadline.
    // Memory that the workers of a model can read, or other memory.
    std::function<Buffer(Model&, size_t)> allocate;
  };
  explicit Nested(Ground ground)
      : service_(*ground.service),
        sessions_(*ground.sessions),
        models_(*ground.models),
        clock_(*ground.clock),
        default_timeout_(ground.default_timeout),
        allocate_(std::move(ground.allocate)) {}

  void Begin(const std::shared_ptr<NestedLine>& line, Place place, NestedEvent call,
             NestedCaller caller) override;
  void Credit(const NestedLine* line, Place place, uint64_t id, uint32_t answers) override;
  void End(const NestedLine* line, Place place, uint64_t id) override;
  void Flush() override { service_.Flush(); }
  void CallerOver(uint64_t caller) override;
  void PlaceGone(const NestedLine* line, Place place) override;

  std::vector<CallsBetween> Report() const;

 private:
  using Key = std::tuple<const NestedLine*, uint32_t, uint64_t, uint64_t>;
  struct Open;
  using OpenPtr = std::shared_ptr<Open>;
  class AnswerSink;
  class BatchSink;

  static Key KeyOf(const NestedLine* line, Place place, uint64_t id) {
    return {line, place.instance, place.generation, id};
  }
  // What keeps the call from being made; fills in the model.
  Status Allow(const NestedEvent& call, const NestedCaller& caller, ModelRef* model) const;
  void Submit(const OpenPtr& open, Request request);
  void OpenSession(const OpenPtr& open, SessionRequest request, std::vector<Payload> payloads);
  void Poll(const OpenPtr& open);
  void OnBatches(const OpenPtr& open, SessionOutput output);
  // The number of the call that runs for it is known; it may be over by then.
  void Runs(const OpenPtr& open, uint64_t call);
  // True once: for whoever ends it. Counts it.
  bool TakeOut(const OpenPtr& open, bool failed);
  bool TakeOutLocked(const OpenPtr& open, bool failed) REQUIRES(mu_);
  void Abort(const Open& open);
  // The last answer, if nobody was first.
  void Fail(const OpenPtr& open, Status status);
  void Send(const OpenPtr& open, NestedAnswer answer);
  // Runs it now, or behind the large copies of that call.
  template <class Work>
  void Carry(const OpenPtr& open, size_t bytes, Work work);

  Service& service_;
  Sessions& sessions_;
  const Models& models_;
  const Clock& clock_;
  const Duration default_timeout_;
  const std::function<Buffer(Model&, size_t)> allocate_;

  mutable Mutex mu_;
  std::map<Key, OpenPtr> open_ GUARDED_BY(mu_);
  std::unordered_multimap<uint64_t, OpenPtr> by_caller_ GUARDED_BY(mu_);
  struct Counts {
    uint64_t calls = 0, failures = 0;
  };
  std::map<std::pair<std::string, std::string>, Counts> counts_ GUARDED_BY(mu_);
  WorkPool copies_{"model-copies", 1};  // Last: its work uses the rest.
};

}  // namespace aiges
