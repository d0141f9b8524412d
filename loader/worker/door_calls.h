// SPDX-License-Identifier: Apache-2.0
// loader/worker/door_calls.h: the door calls that lie in this worker (channel/frame.h: kDoor).
//
// A door call is begun and told what follows by whoever reads the channel, at once: the engine only
// hands it on, and answers by callback from threads of its own. So it takes none of the worker's
// threads, and what is said of one call stays in order.
//
// Life of a call: Begin -> (parts, room)* -> its last part, or an error of the engine, which the
// loader gets as its result. One that nobody waits for any more (kCancel) is told so, and stays
// until the engine ends it: its place is not free before.
//
// Threads: Begin and On belong to whoever reads; callbacks come from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "loader/base/mutex.h"
#include "loader/channel/endpoint.h"
#include "loader/worker/host.h"
#include "loader/worker/lists.h"

namespace aiges {

class DoorCalls {
 public:
  explicit DoorCalls(const Host& host) : host_(host) {}

  void Begin(const Frame& frame);
  // kDoorIn, kDoorTook, and kCancel. False: no door call has that id.
  bool On(const Frame& frame);

 private:
  class Call;

  std::shared_ptr<Call> Find(uint64_t id) const;
  void Forget(uint64_t id);

  const Host& host_;
  mutable Mutex mu_;
  std::unordered_map<uint64_t, std::shared_ptr<Call>> calls_ GUARDED_BY(mu_);
  // The reader's, used from frame to frame.
  CallInput begin_;
  DataInput part_;
};

}  // namespace aiges
