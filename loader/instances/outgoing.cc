// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/outgoing.h"

#include <sys/socket.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace aiges {
namespace {

// More than one frame of small calls is gathered in one buffer; beyond this it is given back.
constexpr size_t kKeepBytes = 1 << 20;

}  // namespace

void Outgoing::Open(uint64_t generation, int channel, std::string init_frame) {
  MutexLock lock(mu_);
  generation_ = generation;
  channel_ = channel;
  bytes_ = std::move(init_frame);
  sent_ = 0;
  sent_before_ = 0;
  ledger_ = Ledger();
}

Ledger::Contents Outgoing::Close() {
  MutexLock lock(mu_);
  channel_ = -1;
  Ledger::Contents contents = ledger_.Take(sent_before_ + sent_);
  bytes_.clear();
  sent_ = 0;
  kept_.clear();
  return contents;
}

Sent Outgoing::Call(uint64_t generation, uint64_t call, const Request& request,
                    const Arena& memory) {
  MutexLock lock(mu_);
  if (!IsHere(generation)) return Sent::kGone;
  const uint64_t first_byte = sent_before_ + bytes_.size();
  if (!AppendExec(&bytes_, call, request, memory)) return Sent::kTooLarge;
  ledger_.AddCall(call, first_byte, clock_.Now(), request.door == nullptr);
  return Sent::kYes;
}

void Outgoing::CancelCall(uint64_t generation, uint64_t call) {
  MutexLock lock(mu_);
  if (!IsHere(generation) || !ledger_.HasCall(call)) return;
  AppendEmpty(&bytes_, FrameType::kCancel, call);
}

void Outgoing::DoorIn(uint64_t generation, uint64_t call, const Payload& part) {
  MutexLock lock(mu_);
  if (!IsHere(generation) || !ledger_.HasCall(call)) return;
  (void)AppendDoorIn(&bytes_, call, part);  // Fits: a part is small (kMostDoorPart).
}

void Outgoing::DoorTook(uint64_t generation, uint64_t call, uint64_t bytes) {
  MutexLock lock(mu_);
  if (IsHere(generation) && ledger_.HasCall(call)) AppendDoorTook(&bytes_, call, bytes);
}

Sent Outgoing::OpenSession(uint64_t generation, uint64_t session, const SessionStart& start) {
  MutexLock lock(mu_);
  if (!IsHere(generation)) return Sent::kGone;
  if (!AppendCreate(&bytes_, session, start)) return Sent::kTooLarge;
  ledger_.AddSession(session, start.credit, clock_.Now());
  return Sent::kYes;
}

Sent Outgoing::WriteSession(uint64_t generation, uint64_t session,
                            const std::vector<Payload>& payloads, const Arena& memory) {
  MutexLock lock(mu_);
  if (!IsHere(generation) || !ledger_.HasSession(session)) return Sent::kGone;
  if (!AppendWrite(&bytes_, session, payloads, memory)) return Sent::kTooLarge;
  ledger_.Write(session, clock_.Now());
  return Sent::kYes;
}

void Outgoing::CreditSession(uint64_t generation, uint64_t session, unsigned items) {
  MutexLock lock(mu_);
  if (!IsHere(generation) || !ledger_.Credit(session, items, clock_.Now())) return;
  AppendCredit(&bytes_, session, items);
}

void Outgoing::CloseSession(uint64_t generation, uint64_t session) {
  MutexLock lock(mu_);
  if (!IsHere(generation) || !ledger_.Close(session, clock_.Now())) return;
  AppendEmpty(&bytes_, FrameType::kClose, session);
}

void Outgoing::CallAnswer(uint64_t generation, uint64_t call, NestedAnswer answer,
                          const Arena& memory) {
  MutexLock lock(mu_);
  if (!IsHere(generation) || !ledger_.HasNested(call)) return;
  bool shared = false;
  AppendCallAnswer(&bytes_, call, answer, memory, &shared);
  if (answer.last || !answer.status.ok()) ledger_.EndNested(call, clock_.Now());
  // Of a session each answer counts, whatever is in it: the worker says how many it is done with.
  if (shared || kept_.count(call) > 0 || !answer.last) {
    kept_[call].push_back(std::move(answer.payloads));
  }
}

Sent Outgoing::Load(uint64_t resource, const Payload& payload, const Arena& memory) {
  MutexLock lock(mu_);
  if (channel_ < 0) return Sent::kGone;
  if (!AppendLoad(&bytes_, resource, payload, memory)) return Sent::kTooLarge;
  ledger_.AddLoad(clock_.Now());
  return Sent::kYes;
}

Sent Outgoing::Unload(uint64_t resource) {
  MutexLock lock(mu_);
  if (channel_ < 0) return Sent::kGone;
  AppendEmpty(&bytes_, FrameType::kUnload, resource);
  ledger_.AddLoad(clock_.Now());
  return Sent::kYes;
}

void Outgoing::Fini(TimePoint end) {
  MutexLock lock(mu_);
  if (channel_ >= 0) AppendFini(&bytes_, end);
}

bool Outgoing::Flush() {
  MutexLock lock(mu_);
  if (channel_ < 0 || sent_ == bytes_.size()) return true;
  const ptrdiff_t n = SendSome(channel_, std::string_view(bytes_).substr(sent_), MSG_DONTWAIT);
  if (n < 0) return true;  // Gone: the hub sees that too, and takes the calls back.
  sent_ += static_cast<size_t>(n);
  if (sent_ < bytes_.size()) return false;
  sent_before_ += sent_;
  bytes_.clear();
  sent_ = 0;
  if (bytes_.capacity() > kKeepBytes) bytes_.shrink_to_fit();
  return true;
}

void Outgoing::Settle(std::vector<ResultFrame>* results) {
  if (results->empty()) return;
  const TimePoint now = clock_.Now();
  MutexLock lock(mu_);
  std::erase_if(*results, [&](const ResultFrame& r) REQUIRES(mu_) {
    return !ledger_.EndCall(r.result.call, r.fault != Fault::kExpired, now);
  });
}

unsigned Outgoing::Settle(std::vector<SessionEvent>* events) {
  if (events->empty()) return 0;
  unsigned closed = 0;
  const TimePoint now = clock_.Now();
  MutexLock lock(mu_);
  std::erase_if(*events, [&](const SessionEvent& event) REQUIRES(mu_) {
    if (!ledger_.On(event, now)) return true;
    if (event.kind == SessionEvent::Kind::kClosed) ++closed;
    return event.kind == SessionEvent::Kind::kTaken && event.writes == 0;
  });
  return closed;
}

void Outgoing::Settle(std::vector<DoorEvent>* events) {
  if (events->empty()) return;
  MutexLock lock(mu_);
  std::erase_if(*events,
                [&](const DoorEvent& e) REQUIRES(mu_) { return !ledger_.HasCall(e.call); });
}

bool Outgoing::Settle(std::vector<NestedEvent>* events) {
  if (events->empty()) return true;
  using Kind = NestedEvent::Kind;
  bool right = true;
  MutexLock lock(mu_);
  std::erase_if(*events, [&](const NestedEvent& e) REQUIRES(mu_) {
    if (e.kind == Kind::kBegin) {
      if (ledger_.nested() + kept_.size() >= kMostOpenCalls) {
        AppendCallRefusal(
            &bytes_, e.id,
            Status::Error(StatusKind::kOverloaded,
                          StrCat("this worker has ", kMostOpenCalls,
                                 " calls of other models open, and may have no more")));
        return true;
      }
      right = ledger_.AddNested(e.id, clock_.Now()) && right;
      return false;
    }
    const auto kept = kept_.find(e.id);
    if (kept != kept_.end() && e.kind == Kind::kEnd) {
      kept_.erase(kept);
    } else if (kept != kept_.end()) {
      auto& batches = kept->second;
      batches.erase(batches.begin(), batches.begin() + static_cast<ptrdiff_t>(std::min<size_t>(
                                                           e.credit, batches.size())));
    }
    if (e.kind == Kind::kEnd) return !ledger_.EndNested(e.id, clock_.Now());
    return !ledger_.HasNested(e.id);
  });
  return right;
}

void Outgoing::OnLoaded() {
  MutexLock lock(mu_);
  ledger_.EndLoad(clock_.Now());
}

void Outgoing::OnAlive(bool answers_calls) {
  MutexLock lock(mu_);
  ledger_.Alive(answers_calls, clock_.Now());
}

void Outgoing::StartToServe() {
  MutexLock lock(mu_);
  ledger_.StartToServe(clock_.Now());
}

Duration Outgoing::WithoutProgress() const {
  MutexLock lock(mu_);
  return ledger_.WithoutProgress(clock_.Now());
}

}  // namespace aiges
