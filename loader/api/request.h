// SPDX-License-Identifier: Apache-2.0
// loader/api/request.h: what travels through the loader. Plain values: movable, no behaviour.
//
// Ingress makes a Request out of bytes; the scheduler and the instances pass it on untouched; a
// Reply comes back the same way. Payload data is shared (Bytes), never copied between rooms.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loader/api/models.h"
#include "loader/api/origin.h"
#include "loader/base/bytes.h"
#include "loader/base/clock.h"
#include "loader/base/status.h"
#include "loader/base/strings.h"

namespace aiges {

// Same numbers as DataType / DataStatus of include/aiges/type.h and of proto/loader.proto.
enum class DataType : uint8_t { kText = 0, kAudio = 1, kImage = 2, kVideo = 3, kOther = 4 };
enum class DataStatus : uint8_t { kBegin = 0, kContinue = 1, kEnd = 2, kOnce = 3 };

struct Payload {
  std::string key;
  DataType type = DataType::kText;
  DataStatus status = DataStatus::kOnce;
  Pairs desc;
  Bytes data;
};

class DoorSink;

// Of a call that a running call makes (aiges.call): the models that wait for it, the outermost
// first. It needs no licence: who waits for it holds one.
struct CallPath {
  std::vector<std::string> models;
};

struct Request {
  ModelRef model;                        // Nothing: the default one.
  std::shared_ptr<const CallPath> path;  // Nothing: it came from outside.
  OriginRef origin;                      // Nothing: not known.
  std::string handle;                    // The engine sees it as usrTag.
  std::string request_id;     // What the client calls it, for people; empty where it does not.
  const char* protocol = "";  // What its client speaks, for people; a literal.
  Pairs params;
  std::vector<Payload> payloads;
  std::vector<unsigned> psr_ids;  // Resources that the call uses (api/resources.h).
  TimePoint arrived;
  TimePoint deadline;
  std::shared_ptr<DoorSink> door;  // Of a door call (api/door.h).
  bool no_limit = false;           // [instances] exec_timeout_ms is not for it.

  const std::string& shown_id() const { return request_id.empty() ? handle : request_id; }

  // Bytes of payload data: what the queue bound counts.
  size_t bytes() const {
    size_t n = 0;
    for (const Payload& p : payloads) n += p.data.size();
    return n;
  }
};

// Where the time of one call went. queue + channel + engine = from admission to result.
struct StageTimes {
  std::chrono::nanoseconds queue{0};    // Admitted, waiting for an instance.
  std::chrono::nanoseconds channel{0};  // On the way to and from the worker, and waiting in it.
  std::chrono::nanoseconds engine{0};   // Inside wrapperExec.
};

struct Reply {
  Status status;
  std::vector<Payload> payloads;  // Empty unless status is ok.
  StageTimes times;
};

}  // namespace aiges
