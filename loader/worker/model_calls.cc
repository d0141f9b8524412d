// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/model_calls.h"

#include <algorithm>
#include <utility>

#include "loader/channel/wire.h"
#include "loader/worker/callbacks.h"
#include "loader/worker/own_process.h"

namespace aiges {
namespace {

// As WCallAnswer says.
int ClassOf(StatusKind kind) {
  switch (kind) {
    case StatusKind::kInvalid:
      return 1;
    case StatusKind::kNotFound:
    case StatusKind::kUnimplemented:
      return 2;
    case StatusKind::kDisconnected:
      return 3;
    case StatusKind::kUnsupported:
      return 4;
    case StatusKind::kExists:
      return 5;
    case StatusKind::kCancelled:
      return 6;
    case StatusKind::kUnknown:
      return 7;
    case StatusKind::kOverloaded:
      return 8;
    case StatusKind::kDeadline:
      return 9;
    default:
      return 0;
  }
}

// For what the worker itself finds: as CodeOf of the loader (api/codes.h) has them.
int CodeOf(StatusKind kind) {
  switch (kind) {
    case StatusKind::kInvalid:
      return 10009;
    case StatusKind::kDisconnected:
      return 10109;
    default:
      return 10102;
  }
}

std::string Body(StatusKind kind, const std::string& text) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(FrameType::kCallAnswer, 0);
  w.Number(static_cast<uint8_t>(kind));
  w.Number(static_cast<int32_t>(CodeOf(kind)));
  w.Number(uint8_t{1});
  w.Text(text);
  w.Number(uint32_t{0});
  w.End();
  return frame.substr(sizeof(FrameHeader));
}

std::string SmallFrame(FrameType type, uint64_t id, const uint32_t* number = nullptr) {
  std::string frame;
  WireWriter w(&frame);
  w.Begin(type, id);
  if (number != nullptr) w.Number(*number);
  w.End();
  return frame;
}

unsigned long long OnCallModel(const char* usr_tag, const char* model, const char* version,
                               pParamList params, pDataList data, unsigned flags, int timeout_ms,
                               wrapperCallReady ready, void* context) {
  if (InForkedChild()) return 0;
  CallOut out;
  out.credit = (flags & WCallStream) != 0 ? kCallWindow : 0;
  out.model = model;
  out.version = version;
  out.params = params;
  out.data = data;
  return GetModelCalls().Begin(usr_tag, out, timeout_ms, ready, context);
}

int OnCallNext(unsigned long long call, int wait_ms, WCallAnswer* answer) {
  return InForkedChild() ? -1 : GetModelCalls().Next(call, wait_ms, answer);
}

int OnCallEnd(unsigned long long call) { return InForkedChild() ? 0 : GetModelCalls().End(call); }

}  // namespace

ModelCalls& GetModelCalls() {
  static ModelCalls* const calls = new ModelCalls;  // As the outbox.
  return *calls;
}

void OfferModelCalls(const Plugin& plugin) {
  plugin.set_ctrl(CTCallModel, reinterpret_cast<void*>(&OnCallModel));
  plugin.set_ctrl(CTCallNext, reinterpret_cast<void*>(&OnCallNext));
  plugin.set_ctrl(CTCallEnd, reinterpret_cast<void*>(&OnCallEnd));
}

void ModelCalls::Open(const Host* host, ChannelReader* reader) {
  host_ = host;
  reader_ = reader;
}

ModelCalls::CallPtr ModelCalls::Find(uint64_t id) const {
  MutexLock lock(mu_);
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second;
}

uint64_t ModelCalls::Begin(const char* usr_tag, const CallOut& said, int timeout_ms,
                           wrapperCallReady ready, void* context) {
  const uint64_t id = next_.fetch_add(1, std::memory_order_relaxed);
  const auto call = std::make_shared<Call>();
  call->session = said.credit > 0;
  call->ready = ready;
  call->context = context;
  {
    MutexLock lock(mu_);
    calls_[id] = call;
  }
  const auto refuse = [&](StatusKind kind, const std::string& text) {
    Refuse(id, call, kind, text);
    return id;
  };
  if (said.model == nullptr || *said.model == '\0') {
    return refuse(StatusKind::kInvalid, "expected the name of a model, got none");
  }
  const Host* host = host_;
  if (host == nullptr) {
    return refuse(StatusKind::kDisconnected,
                  "models can be called once wrapperInit and wrapperWarmup have returned");
  }
  CallOut out = said;
  const bool tagged = usr_tag != nullptr && *usr_tag != '\0';
  out.callers = FindCallers(tagged ? usr_tag : nullptr);
  if (tagged && out.callers.empty()) {
    return refuse(StatusKind::kCancelled,
                  StrCat("no call or session with the usrTag ", TextOf(usr_tag),
                         " is in work: nobody waits for it"));
  }
  if (timeout_ms > 0) out.deadline_ns = NowNs() + int64_t{timeout_ms} * 1'000'000;
  std::string frame;
  const std::string wrong = WriteCall(&frame, id, out, host->results.get());
  if (!wrong.empty()) return refuse(StatusKind::kInvalid, wrong);
  {
    MutexLock lock(mu_);
    call->sent = true;
  }
  GetOutbox().Write(frame);
  return id;
}

void ModelCalls::Put(uint64_t id, Call* call, std::string_view body) {
  call->came.emplace_back(body);
  WireReader r(body);
  (void)r.Number<uint8_t>();
  (void)r.Number<int32_t>();
  call->whole = r.Number<uint8_t>() != 0 || !r.ok();
  // Under the lock: after End it is not called any more.
  if (call->ready != nullptr) call->ready(id, call->context);
}

void ModelCalls::Refuse(uint64_t id, const CallPtr& call, StatusKind kind,
                        const std::string& text) {
  MutexLock lock(mu_);
  Put(id, call.get(), Body(kind, text));
}

void ModelCalls::On(const Frame& frame) {
  MutexLock lock(mu_);
  const auto found = calls_.find(frame.id);
  if (found != calls_.end()) Put(frame.id, found->second.get(), frame.body);
}

int ModelCalls::Next(uint64_t id, int wait_ms, WCallAnswer* answer) {
  const CallPtr call = Find(id);
  if (call == nullptr || call->over) return -1;
  if (std::exchange(call->holds, false) && call->session) {
    constexpr uint32_t kOne = 1;
    GetOutbox().Write(SmallFrame(FrameType::kCallCredit, id, &kOne));
  }
  if (!There(*call) && wait_ms != 0) {
    const TimePoint until =
        wait_ms < 0 ? TimePoint::max()
                    : std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
    // Only where it was sent can it be waited for, and then there is a reader.
    reader_.load()->ReadUntil([&] { return There(*call); }, until);
  }
  {
    MutexLock lock(mu_);
    if (call->came.empty()) return 1;
    call->body = std::move(call->came.front());
    call->came.pop_front();
  }
  Read(call.get(), answer);
  return 0;
}

void ModelCalls::Read(Call* call, WCallAnswer* answer) const {
  WireReader r(call->body);
  auto kind = r.Number<uint8_t>();
  int code = r.Number<int32_t>();
  const bool last = r.Number<uint8_t>() != 0;
  call->error = r.Text();
  const Host* host = host_;
  // What a worker itself refuses may come before there is a host, and has no data.
  const bool right = r.ok() && (host == nullptr || call->data.Read(&r, *host->requests));
  if (!right) {
    kind = static_cast<uint8_t>(StatusKind::kInternal);
    code = code != 0 ? code : 10909;
    call->error = "the worker could not read the answer";
  }
  *answer = WCallAnswer{};
  if (kind != static_cast<uint8_t>(StatusKind::kOk)) {
    answer->code = code;
    answer->errorClass = ClassOf(static_cast<StatusKind>(kind));
    answer->error = call->error.c_str();
    answer->last = 1;
  } else {
    answer->data = call->data.head();
    answer->last = last ? 1 : 0;
    const char* const begin = call->body.data();
    for (const DataList& node : call->data.nodes) {
      const auto* at = static_cast<const char*>(node.data);
      const bool inside = at >= begin && at <= begin + call->body.size();
      call->shared = call->shared || (at != nullptr && !inside);
    }
  }
  call->over = answer->last != 0;
  call->holds = !call->over;
}

int ModelCalls::End(uint64_t id) {
  CallPtr call;
  bool tell = false;
  {
    MutexLock lock(mu_);
    const auto found = calls_.find(id);
    if (found == calls_.end()) return 0;
    call = std::move(found->second);
    calls_.erase(found);
    // One whose answer was not looked at may have some of it in shared memory.
    tell = call->sent && (call->session || call->shared || !call->whole || !call->came.empty());
  }
  if (tell) GetOutbox().Write(SmallFrame(FrameType::kCallEnd, id));
  return 0;
}

}  // namespace aiges
