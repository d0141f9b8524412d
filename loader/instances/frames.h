// SPDX-License-Identifier: Apache-2.0
// loader/instances/frames.h: the loader's half of channel/frame.h: what is said to a worker, and
// what a worker says, as values.
//
// Pure functions of bytes; no state. A worker runs foreign code, so what it says is hostile input:
// a Read that returns false means bytes that the frame cannot have, and leaves the value half
// filled. Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/api/nested.h"
#include "loader/api/request.h"
#include "loader/api/worker.h"
#include "loader/channel/endpoint.h"
#include "loader/channel/shm.h"

namespace aiges {

// --- to the worker: appended to *out ---

// kInit, with which every process begins.
struct WorkerSetup {
  Pairs config;
  unsigned threads = 1, most_threads = 1;
  std::optional<bool> async_mode;
  bool real_time_results = true;
  unsigned batch_size = 1;
  uint64_t batch_delay_us = 0;
  uint64_t board = 0;  // Offset of the cancel board.
  unsigned alive_ms = 0;
  uint8_t said = 0;  // InitSaid
};
std::string InitFrame(const WorkerSetup& setup);

// kExec, or kDoor of a door call. False: larger than a frame may be; nothing was appended. Payloads
// that lie in `memory` go by their place in it.
[[nodiscard]] bool AppendExec(std::string* out, uint64_t call, const Request& request,
                              const Arena& memory);
[[nodiscard]] bool AppendWrite(std::string* out, uint64_t session,
                               const std::vector<Payload>& payloads, const Arena& memory);
[[nodiscard]] bool AppendLoad(std::string* out, uint64_t resource, const Payload& payload,
                              const Arena& memory);
[[nodiscard]] bool AppendCreate(std::string* out, uint64_t session, const SessionStart& start);
// kDoorIn. The data are copied. False: larger than a frame may be; nothing was appended.
[[nodiscard]] bool AppendDoorIn(std::string* out, uint64_t call, const Payload& part);
void AppendDoorTook(std::string* out, uint64_t call, uint64_t bytes);
void AppendCredit(std::string* out, uint64_t session, unsigned items);
void AppendFini(std::string* out, TimePoint end);
// kCallAnswer. Out: whether something of it lies in `memory`, so that the payloads must be kept. An
// answer larger than a frame becomes an error.
void AppendCallAnswer(std::string* out, uint64_t call, const NestedAnswer& answer,
                      const Arena& memory, bool* shared);
// The same, where it has no payloads.
void AppendCallRefusal(std::string* out, uint64_t call, const Status& status);
// kCancel, kUnload, kClose.
void AppendEmpty(std::string* out, FrameType type, uint64_t id);

// --- from the worker ---

struct ReadyFrame {
  std::string plugin;  // Path, and version in brackets.
  std::string schema, doors;
  uint32_t traits = 0;  // EngineTraits
  unsigned threads = 1, most_threads = 1, batch_size = 1;
};
struct ResultFrame {
  WorkerResult result;  // `instance` is not set.
  Fault fault = Fault::kNone;
};
struct LoadedFrame {
  uint64_t resource = 0;
  int code = 0;
  std::string text;
  ErrorClass error_class = ErrorClass::kOwn;
};

// Of kHello: false also for a worker of another version.
bool ReadHello(const Frame& frame);
bool ReadReady(const Frame& frame, ReadyFrame* ready);
bool ReadFailed(const Frame& frame, std::string* reason);
bool ReadThreads(const Frame& frame, unsigned* threads, unsigned* most);
// `results` is the worker's own memory, of which large payloads are a part; they give their run
// back with their last copy. Null: there is none.
bool ReadResult(const Frame& frame, const std::shared_ptr<ArenaMapping>& results,
                ResultFrame* result);
// kItem, kTaken and kClosed.
bool ReadSessionEvent(const Frame& frame, const std::shared_ptr<ArenaMapping>& results,
                      SessionEvent* event);
// kDoorOut and kDoorTook.
bool ReadDoorEvent(const Frame& frame, const std::shared_ptr<ArenaMapping>& results,
                   DoorEvent* event);
// kCall, kCallCredit and kCallEnd.
bool ReadNested(const Frame& frame, const std::shared_ptr<ArenaMapping>& results,
                NestedEvent* event);
bool ReadLoaded(const Frame& frame, LoadedFrame* loaded);
bool ReadMeter(const Frame& frame, std::string_view* key, int32_t* count);
bool ReadMetrics(const Frame& frame, std::string* families);
bool ReadTrace(const Frame& frame, std::string_view* tag, std::string_view* key,
               std::string_view* value);

}  // namespace aiges
