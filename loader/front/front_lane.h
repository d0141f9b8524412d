// SPDX-License-Identifier: Apache-2.0
// loader/front/front_lane.h: what all connections share, and how they are looked after.
//
// Everything here belongs to the lane's thread, but Run and the loop's Post, which anybody may
// call. Connections keep themselves alive by being in `clients`, and by their operations; what is
// in a list of pointers takes itself out.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "loader/api/budget.h"
#include "loader/api/buffers.h"
#include "loader/api/models.h"
#include "loader/api/service.h"
#include "loader/api/session.h"
#include "loader/api/settings.h"
#include "loader/base/clock.h"
#include "loader/base/work_pool.h"
#include "loader/front/http_types.h"
#include "loader/front/loop_lane.h"

namespace aiges {

class FrontLane;

// Somebody who is looked at ten times a second: have they kept to their time?
class LaneClient {
 public:
  virtual ~LaneClient() = default;
  virtual void CheckTime(TimePoint now) = 0;
};

// A connection, of whatever protocol.
class LaneConnection : public LaneClient {
 public:
  explicit LaneConnection(FrontLane* lane) : lane_(*lane) {}
  LaneConnection(const LaneConnection&) = delete;
  LaneConnection& operator=(const LaneConnection&) = delete;
  ~LaneConnection() override { SetResting(false); }

  virtual void Close() = 0;
  // The service stops: no new requests.
  virtual void Leave() {}
  // Has nothing to do, and may be closed when the service stops.
  virtual bool idle() const = 0;
  TimePoint resting_since() const { return resting_since_; }

 protected:
  // Has nothing to do, and may be closed for another one.
  void SetResting(bool resting);

  FrontLane& lane_;

 private:
  bool resting_ = false;
  TimePoint resting_since_;
  std::list<LaneConnection*>::iterator place_;  // While resting_.
};

// What HTTP requests mean. All are called on the lane.
struct HttpHooks {
  HttpHandler handle;
  // The client of an unanswered request, for which `handle` returned this id, has gone.
  std::function<void(uint64_t id)> abort;
  // Whether a WebSocket may be opened: nothing, or the answer that refuses it.
  std::function<std::optional<HttpResponse>(const HttpRequest&)> refuse_upgrade;
};

class FrontLane : public HttpWork {
 public:
  FrontLane(const Settings& s, Budget* b, BufferPool* pool, Service* sv, Sessions* ss, Models* m,
            HttpHooks h)
      : settings(s),
        budget(*b),
        buffers(*pool),
        service(*sv),
        sessions(*ss),
        models(*m),
        hooks(std::move(h)),
        codec("codec", std::clamp(std::thread::hardware_concurrency() / 2, 1u, 4u)) {}

  void Run(size_t bytes, std::function<void()> work) override {
    if (bytes > kBig) return codec.Post(std::move(work));
    if (on_lane()) return work();
    loop.Post(std::move(work));
  }
  bool on_lane() const { return std::this_thread::get_id() == thread; }

  void FlushSoon() override {
    if (++unflushed_ % kFlushed == 0) service.Flush();
    if (unflushed_ > 1) return;
    loop.Gather([this] {
      unflushed_ = 0;
      service.Flush();
    });
  }

  const Settings& settings;
  Budget& budget;
  BufferPool& buffers;
  Service& service;
  Sessions& sessions;
  Models& models;
  HttpHooks hooks;
  std::thread::id thread;  // Set before the first connection.
  bool stopping = false;   // No new connection or request.

  std::list<LaneConnection*> resting;  // The longest first.
  std::set<std::shared_ptr<LaneConnection>> clients;
  std::set<LaneConnection*> websockets;
  std::list<LaneClient*> uploads;  // Requests of which not all has come.
  // Where connections read to that keep nothing of it.
  std::vector<char> scratch = std::vector<char>(kScratch);

  LoopLane loop;
  boost::asio::io_context& io = loop.io;
  WorkPool codec;

 private:
  static constexpr size_t kScratch = 256 * 1024;

  // Calls that wait for others at most: the workers want something to do meanwhile.
  static constexpr unsigned kFlushed = 16;

  unsigned unflushed_ = 0;  // Calls since a Flush was posted.
};

inline void LaneConnection::SetResting(bool resting) {
  if (resting_) lane_.resting.erase(place_);
  resting_ = resting;
  if (!resting) return;
  resting_since_ = std::chrono::steady_clock::now();
  place_ = lane_.resting.insert(lane_.resting.end(), this);
}

}  // namespace aiges
