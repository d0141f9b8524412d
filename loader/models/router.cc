// SPDX-License-Identifier: Apache-2.0
#include "loader/models/router.h"

#include <cstring>
#include <utility>

#include "loader/api/codes.h"

namespace aiges {
namespace {

// Bytes that are copied at a time on the thread of the front.
constexpr size_t kMostAtOnce = 4 << 20;

Status Gone() {
  return Status::Error(StatusKind::kInvalid, "the session is over: its model was unloaded",
                       kCodeSessionReleased);
}

}  // namespace

std::shared_ptr<Engine> Router::Use(const ModelRef& model, Status* why) const {
  if (model != nullptr) return static_cast<Entry&>(*model).Use(why);
  ModelRef found;
  *why = catalogue_.Find("", "", &found);
  return why->ok() ? static_cast<Entry&>(*found).Use(why) : nullptr;
}

void Router::Touch(const std::shared_ptr<Engine>& engine) {
  if (engine->touched.exchange(true)) return;
  MutexLock lock(mu_);
  touched_.push_back(engine);
}

// Workers of one model never map the requests of another. What is not copied here crosses inside
// the frame: larger data would keep the thread of the front for too long.
void Router::Share(Engine* engine, std::vector<Payload>* payloads) const {
  if (!catalogue_.several()) return;
  for (Payload& p : *payloads) {
    if (p.data.size() < kSharedThreshold || p.data.size() > kMostAtOnce) continue;
    if (engine->pool().Shares(p.data)) continue;
    Buffer buffer = engine->pool().Allocate(p.data.size());
    std::memcpy(buffer.data, p.data.data(), p.data.size());
    p.data = std::move(buffer).Freeze();
  }
}

CallId Router::Submit(Request request, std::unique_ptr<ReplySink> sink) {
  Status why;
  const std::shared_ptr<Engine> engine = Use(request.model, &why);
  if (engine == nullptr) {
    Reply reply;
    reply.status = std::move(why);
    sink->Done(std::move(reply));
    return 0;
  }
  Share(engine.get(), &request.payloads);
  const CallId id = engine->scheduler().Submit(std::move(request), std::move(sink));
  Touch(engine);
  return id;
}

void Router::Flush() {
  std::vector<std::shared_ptr<Engine>> touched;
  {
    MutexLock lock(mu_);
    touched.swap(touched_);
  }
  for (const auto& engine : touched) {
    engine->touched = false;
    engine->scheduler().Flush();
  }
}

void Router::Abort(uint64_t id) {
  const auto engine = Of(id);
  if (engine == nullptr) return;
  if (Engine::IsSession(id)) {
    engine->scheduler().sessions()->Abort(id);
  } else {
    engine->scheduler().Abort(id);
  }
}

void Router::SendPart(CallId id, Payload part) {
  if (const auto engine = Of(id)) {
    engine->scheduler().SendPart(id, std::move(part));
    Touch(engine);
  }
}

void Router::TookPart(CallId id, uint64_t bytes) {
  if (const auto engine = Of(id)) {
    engine->scheduler().TookPart(id, bytes);
    Touch(engine);
  }
}

LoadReport Router::Load() const {
  LoadReport all;
  for (const auto& engine : catalogue_.Engines()) {
    const LoadReport one = engine->scheduler().Load();
    all.used += one.used;
    all.slots += one.slots;
    all.queued += one.queued;
    all.answered += one.answered;
    all.failed += one.failed;
  }
  return all;
}

Status Router::Open(SessionRequest request, SessionId* id) {
  Status why;
  const std::shared_ptr<Engine> engine = Use(request.model, &why);
  if (engine == nullptr) return why;
  return engine->scheduler().sessions()->Open(std::move(request), id);
}

Status Router::Write(SessionId id, int sync_id, std::vector<Payload> payloads,
                     std::function<void()> taken) {
  const auto engine = Of(id);
  if (engine == nullptr) return Gone();
  Share(engine.get(), &payloads);
  return engine->scheduler().sessions()->Write(id, sync_id, std::move(payloads), std::move(taken));
}

void Router::Poll(SessionId id, size_t max_batches, TimePoint until,
                  std::unique_ptr<OutputSink> sink) {
  if (const auto engine = Of(id)) {
    return engine->scheduler().sessions()->Poll(id, max_batches, until, std::move(sink));
  }
  SessionOutput output;
  output.status = Gone();
  sink->Done(std::move(output));
}

void Router::EndPoll(SessionId id) {
  if (const auto engine = Of(id)) engine->scheduler().sessions()->EndPoll(id);
}

Status Router::Find(const std::string& handle, SessionId* id) {
  Status found =
      Status::Error(StatusKind::kInvalid,
                    StrCat("no session has the handle ", handle.substr(0, 64)), kCodeInvalidHandle);
  for (const auto& engine : catalogue_.Engines()) {
    Status status = engine->scheduler().sessions()->Find(handle, id);
    if (status.ok()) return status;
    if (status.code == kCodeSessionReleased || !catalogue_.several()) found = std::move(status);
  }
  return found;
}

Buffer Router::Allocate(size_t size) {
  if (!catalogue_.several()) {
    if (const auto engine = catalogue_.EngineOf(0)) return engine->pool().Allocate(size);
  }
  return HeapBuffer(size);
}

void Router::Load(Payload resource, std::function<void(Status, unsigned id)> done) {
  Status why;
  const auto engine = Use(nullptr, &why);
  if (engine == nullptr) return done(std::move(why), 0);
  engine->pool().Load(std::move(resource), std::move(done));
}

void Router::Unload(unsigned id, std::function<void(Status)> done) {
  Status why;
  const auto engine = Use(nullptr, &why);
  if (engine == nullptr) return done(std::move(why));
  engine->pool().Unload(id, std::move(done));
}

}  // namespace aiges
