// SPDX-License-Identifier: Apache-2.0
// loader/api/door.h: calls whose request and answer go on, of a contract with a protocol of its
// own.
//
// A door call is a call (service.h): admitted, queued, bound late, answered exactly once. What is
// more: its client may say more of the request while it waits or runs (Service::SendPart), and the
// engine may say parts of the answer before its last one, which is the Reply. Both sides say how
// much they take, so that neither runs ahead of the other by more than kDoorWindow bytes.
//
// A part is a payload: key ":http" or ":grpc", the status says where in its direction it stands
// (kOnce, kBegin, kContinue, kEnd), desc is the head of the first part and the trailers of the
// last, data a piece of the body.
#pragma once

#include <cstddef>
#include <cstdint>

#include "loader/api/request.h"

namespace aiges {

// Bytes of parts in one direction that were said and not taken. A part may be the last one that
// fits, or the first that does not: who speaks waits when nothing is left.
inline constexpr uint64_t kDoorWindow = 4 << 20;
// Of the data of one part; more is said in several.
inline constexpr size_t kMostDoorPart = 1 << 20;

// Who hears of an answer that goes on. Called on the hub, in order, before the sink's Done, with no
// lock held; must not block. May be called once after an Abort, and does nothing then.
class DoorSink {
 public:
  virtual ~DoorSink() = default;
  // Not the last part, which is the Reply's.
  virtual void Part(Payload part) = 0;
  // The engine has taken so many bytes of the request's parts.
  virtual void Took(uint64_t bytes) = 0;
};

struct DoorEvent {
  uint64_t call = 0;
  uint64_t took = 0;  // 0: it is a part.
  Payload part;
};

}  // namespace aiges
