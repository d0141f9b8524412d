// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/frames.h"

#include <algorithm>

#include "loader/channel/wire.h"
#include "loader/instances/faults.h"

namespace aiges {
namespace {

static_assert(kNestedWindow == kCallWindow, "both sides of a nested session count by one window");
static_assert(kDoorWindow == kDoorWindowBytes, "both sides of a door count by one window");

// A small payload inside a large shared message is cheaper to copy than to look up.
constexpr size_t kOffsetLimit = 4096;
// The shortest payload: two texts, two bytes, one count and an empty datum (frame.h).
constexpr size_t kLeastPayload = 11;
constexpr uint32_t kMostThreads = 1024, kMostBatch = 1024;

void WritePayload(WireWriter& w, const Payload& p, const Arena& memory) {
  w.Text(p.key);
  w.Number(p.type);
  w.Number(p.status);
  w.KeyValues(p.desc);
  uint64_t offset = 0;
  if (p.data.size() >= kOffsetLimit && memory.Contains(p.data.data(), &offset)) {
    w.SharedData(offset, p.data.size());
  } else {
    w.InlineData(p.data.view());
  }
}

void WritePayloads(WireWriter& w, const std::vector<Payload>& payloads, const Arena& memory) {
  w.Number(static_cast<uint32_t>(payloads.size()));
  for (const Payload& p : payloads) WritePayload(w, p, memory);
}

void WriteIds(WireWriter& w, const std::vector<unsigned>& ids) {
  w.Number(static_cast<uint32_t>(ids.size()));
  for (const unsigned id : ids) w.Number(uint32_t{id});
}

void BeginCallAnswer(WireWriter& w, uint64_t call, const Status& status, bool last) {
  w.Begin(FrameType::kCallAnswer, call);
  w.Number(static_cast<uint8_t>(status.kind));
  w.Number(static_cast<int32_t>(status.ok() ? 0 : CodeOf(status)));
  w.Number(static_cast<uint8_t>(last));
  w.Text(CutUtf8(status.text, kMostErrorText));
}

// A run of the worker's memory that goes back to it with the last copy of the bytes.
Bytes SharedBytes(const std::shared_ptr<ArenaMapping>& map, std::string_view view,
                  uint64_t offset) {
  struct Run {
    std::shared_ptr<ArenaMapping> map;
    uint64_t offset;
    ~Run() { map->Release(offset); }
  };
  return {view, std::shared_ptr<const Run>(new Run{map, offset})};
}

bool ReadPayload(WireReader& r, const std::shared_ptr<ArenaMapping>& memory, Payload* p) {
  p->key = r.Text();
  p->type = r.Number<DataType>();
  p->status = r.Number<DataStatus>();
  p->desc = r.KeyValues();
  if (r.Number<DataPlace>() == DataPlace::kInline) {
    p->data = Bytes::Own(std::string(r.Text()));
    return r.ok();
  }
  const auto offset = r.Number<uint64_t>();
  const auto length = r.Number<uint64_t>();
  if (!r.ok() || memory == nullptr) return false;
  const std::string_view view = memory->View(offset, length);
  // A result starts its run: that is the offset which gives it back.
  if (view.data() == nullptr || offset % kBlock != 0) return false;
  p->data = SharedBytes(memory, view, offset);
  return true;
}

bool ReadPayloads(WireReader& r, const std::shared_ptr<ArenaMapping>& memory,
                  std::vector<Payload>* payloads) {
  const uint32_t count = r.Count(kLeastPayload);
  for (uint32_t i = 0; i < count && r.ok(); ++i) {
    if (!ReadPayload(r, memory, &payloads->emplace_back())) return false;
  }
  return r.ok();
}

// Whatever it says: as many as a worker can have at most.
void ReadThreadNumbers(WireReader& r, unsigned* threads, unsigned* most) {
  *threads = std::clamp(r.Number<uint32_t>(), 1u, kMostThreads);
  *most = std::clamp(r.Number<uint32_t>(), *threads, kMostThreads);
}

}  // namespace

std::string InitFrame(const WorkerSetup& setup) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kInit, 0);
  w.KeyValues(setup.config);
  w.Number(uint32_t{setup.threads});
  w.Number(uint32_t{std::max(setup.most_threads, setup.threads)});
  w.Number(!setup.async_mode ? AsyncMode::kUnset
                             : (*setup.async_mode ? AsyncMode::kOn : AsyncMode::kOff));
  w.Number(static_cast<uint8_t>(setup.real_time_results));
  w.Number(uint32_t{setup.batch_size});
  w.Number(setup.batch_delay_us);
  w.Number(setup.board);
  w.Number(uint32_t{setup.alive_ms});
  w.Number(setup.said);
  w.End();
  return frame;
}

bool AppendExec(std::string* out, uint64_t call, const Request& request, const Arena& memory) {
  WireWriter w(out);
  w.Begin(request.door == nullptr ? FrameType::kExec : FrameType::kDoor, call);
  w.Number(ToNanos(request.deadline));
  w.Text(request.handle);
  w.KeyValues(request.params);
  WriteIds(w, request.psr_ids);
  WritePayloads(w, request.payloads, memory);
  return w.End();
}

bool AppendWrite(std::string* out, uint64_t session, const std::vector<Payload>& payloads,
                 const Arena& memory) {
  WireWriter w(out);
  w.Begin(FrameType::kWrite, session);
  WritePayloads(w, payloads, memory);
  return w.End();
}

bool AppendDoorIn(std::string* out, uint64_t call, const Payload& part) {
  WireWriter w(out);
  w.Begin(FrameType::kDoorIn, call);
  w.Number(uint32_t{1});
  w.Text(part.key);
  w.Number(part.type);
  w.Number(part.status);
  w.KeyValues(part.desc);
  w.InlineData(part.data.view());
  return w.End();
}

void AppendDoorTook(std::string* out, uint64_t call, uint64_t bytes) {
  WireWriter w(out);
  w.Begin(FrameType::kDoorTook, call);
  w.Number(bytes);
  w.End();
}

bool AppendLoad(std::string* out, uint64_t resource, const Payload& payload, const Arena& memory) {
  WireWriter w(out);
  w.Begin(FrameType::kLoad, resource);
  w.Number(uint32_t{1});
  WritePayload(w, payload, memory);
  return w.End();
}

bool AppendCreate(std::string* out, uint64_t session, const SessionStart& start) {
  WireWriter w(out);
  w.Begin(FrameType::kCreate, session);
  w.Text(start.handle);
  w.KeyValues(start.params);
  WriteIds(w, start.psr_ids);
  w.Number(uint32_t{start.credit});
  return w.End();
}

void AppendCredit(std::string* out, uint64_t session, unsigned items) {
  WireWriter w(out);
  w.Begin(FrameType::kCredit, session);
  w.Number(uint32_t{items});
  w.End();
}

void AppendFini(std::string* out, TimePoint end) {
  WireWriter w(out);
  w.Begin(FrameType::kFini, 0);
  w.Number(ToNanos(end));
  w.End();
}

void AppendCallAnswer(std::string* out, uint64_t call, const NestedAnswer& answer,
                      const Arena& memory, bool* shared) {
  uint64_t offset = 0;
  *shared = std::any_of(answer.payloads.begin(), answer.payloads.end(), [&](const Payload& p) {
    return p.data.size() >= kOffsetLimit && memory.Contains(p.data.data(), &offset);
  });
  if (!answer.status.ok()) return AppendCallRefusal(out, call, answer.status);
  WireWriter w(out);
  BeginCallAnswer(w, call, answer.status, answer.last);
  WritePayloads(w, answer.payloads, memory);
  if (w.End()) return;
  *shared = false;
  AppendCallRefusal(out, call,
                    Status::Error(StatusKind::kOverloaded,
                                  "the answer is larger than what goes to a worker at once, and "
                                  "the shared memory is used up"));
}

void AppendCallRefusal(std::string* out, uint64_t call, const Status& status) {
  WireWriter w(out);
  BeginCallAnswer(w, call, status, true);
  w.Number(uint32_t{0});
  w.End();
}

void AppendEmpty(std::string* out, FrameType type, uint64_t id) {
  WireWriter w(out);
  w.Begin(type, id);
  w.End();
}

bool ReadHello(const Frame& frame) {
  WireReader r(frame.body);
  return r.Number<uint32_t>() == kChannelVersion && r.ok();
}

bool ReadThreads(const Frame& frame, unsigned* threads, unsigned* most) {
  WireReader r(frame.body);
  ReadThreadNumbers(r, threads, most);
  return r.ok();
}

bool ReadReady(const Frame& frame, ReadyFrame* ready) {
  WireReader r(frame.body);
  ready->plugin = r.Text();
  const std::string_view version = r.Text();
  if (!version.empty()) ready->plugin += StrCat(" (", version, ")");
  ready->traits = r.Number<uint32_t>();
  ready->schema = r.Text();
  ready->doors = r.Text();
  ReadThreadNumbers(r, &ready->threads, &ready->most_threads);
  ready->batch_size = std::clamp(r.Number<uint32_t>(), 1u, kMostBatch);
  return r.ok();
}

bool ReadFailed(const Frame& frame, std::string* reason) {
  WireReader r(frame.body);
  (void)r.Number<int32_t>();
  *reason = r.Text();
  return r.ok();
}

bool ReadResult(const Frame& frame, const std::shared_ptr<ArenaMapping>& results,
                ResultFrame* result) {
  WireReader r(frame.body);
  WorkerResult& out = result->result;
  out.call = frame.id;
  result->fault = r.Number<Fault>();
  const auto error_class = r.Number<ErrorClass>();
  out.engine = std::chrono::nanoseconds(r.Number<uint64_t>());
  out.batch = r.Number<uint32_t>();
  const std::string text(r.Text());
  if (!ReadPayloads(r, results, &out.payloads)) return false;
  if (result->fault != Fault::kNone) out.detail = r.Text();
  out.status = StatusOf(result->fault, error_class, text);
  return r.ok();
}

bool ReadSessionEvent(const Frame& frame, const std::shared_ptr<ArenaMapping>& results,
                      SessionEvent* event) {
  WireReader r(frame.body);
  event->session = frame.id;
  if (frame.type == FrameType::kClosed) {
    event->kind = SessionEvent::Kind::kClosed;
    return true;
  }
  if (frame.type == FrameType::kTaken) {
    event->kind = SessionEvent::Kind::kTaken;
    event->writes = r.Number<uint32_t>();
    return r.ok();
  }
  event->kind = SessionEvent::Kind::kItem;
  const auto fault = r.Number<Fault>();
  const auto error_class = r.Number<ErrorClass>();
  event->last = r.Number<uint8_t>() != 0;
  event->status = StatusOf(fault, error_class, std::string(r.Text()));
  if (!ReadPayloads(r, results, &event->payloads)) return false;
  if (fault != Fault::kNone) event->detail = r.Text();
  return r.ok();
}

bool ReadDoorEvent(const Frame& frame, const std::shared_ptr<ArenaMapping>& results,
                   DoorEvent* event) {
  WireReader r(frame.body);
  event->call = frame.id;
  if (frame.type == FrameType::kDoorTook) {
    event->took = r.Number<uint64_t>();
    return r.ok();
  }
  std::vector<Payload> parts;
  if (!ReadPayloads(r, results, &parts) || parts.size() != 1) return false;
  event->part = std::move(parts.front());
  return r.ok();
}

bool ReadNested(const Frame& frame, const std::shared_ptr<ArenaMapping>& results,
                NestedEvent* event) {
  WireReader r(frame.body);
  event->id = frame.id;
  if (frame.type == FrameType::kCallEnd) {
    event->kind = NestedEvent::Kind::kEnd;
    return true;
  }
  if (frame.type == FrameType::kCallCredit) {
    event->kind = NestedEvent::Kind::kCredit;
    event->credit = r.Number<uint32_t>();
    return r.ok();
  }
  event->kind = NestedEvent::Kind::kBegin;
  event->callers.resize(r.Count(sizeof(uint64_t)));
  for (uint64_t& caller : event->callers) caller = r.Number<uint64_t>();
  event->deadline = FromNanos(r.Number<int64_t>());
  event->credit = std::min(r.Number<uint32_t>(), kCallWindow);
  event->model = r.Text();
  event->version = r.Text();
  event->params = r.KeyValues();
  return ReadPayloads(r, results, &event->payloads);
}

bool ReadLoaded(const Frame& frame, LoadedFrame* loaded) {
  WireReader r(frame.body);
  loaded->resource = frame.id;
  loaded->code = r.Number<int32_t>();
  loaded->text = r.Text();
  loaded->error_class = r.Number<ErrorClass>();
  return r.ok();
}

bool ReadMeter(const Frame& frame, std::string_view* key, int32_t* count) {
  WireReader r(frame.body);
  (void)r.Text();
  *key = r.Text();
  *count = r.Number<int32_t>();
  return r.ok();
}

bool ReadMetrics(const Frame& frame, std::string* families) {
  WireReader r(frame.body);
  *families = r.Text();
  return r.ok() && families->size() <= kMostMetrics;
}

bool ReadTrace(const Frame& frame, std::string_view* tag, std::string_view* key,
               std::string_view* value) {
  WireReader r(frame.body);
  *tag = r.Text();
  *key = r.Text();
  *value = r.Text();
  return r.ok();
}

}  // namespace aiges
