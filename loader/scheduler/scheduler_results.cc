// SPDX-License-Identifier: Apache-2.0
// What workers say of running calls: what they have counted, and their results.
#include <iterator>
#include <utility>

#include "loader/scheduler/scheduler.h"

namespace aiges {

void Scheduler::OnMeter(uint64_t call, std::string_view key, uint64_t count) {
  if (ended_calls_ == nullptr) return;
  if (SessionTable::IsSession(call)) return sessions_.OnMeter(call, key, count);
  MutexLock lock(mu_);
  const auto found = calls_.find(call);
  if (found == calls_.end() || found->second.state == State::kQueued) return;
  std::shared_ptr<MeterCounts>& meters = found->second.meters;
  if (meters == nullptr) {
    meters = std::make_shared<MeterCounts>();
  } else if (found->second.state == State::kUnwanted) {
    // Its record has what there was when its client left; the limits get all of it (Forget).
    meters = std::make_shared<MeterCounts>(*meters);
  }
  meters->Add(key, count);
}

bool Scheduler::RunsAgain(const WorkerResult& result, Call& call, bool* poison) {
  if (call.went_on) return false;
  if (result.unsent) return true;
  if (!result.lost || !idempotent_) return false;
  if (!std::exchange(call.replayed, true)) {
    ++replayed_;
    call.meters = nullptr;  // What is counted now is the same again.
    return true;
  }
  *poison = true;
  return false;
}

// What the last part of a door call's answer says of a fault, which its client is told in the words
// of the engine's protocol, or not at all.
std::unique_ptr<Scheduler::FailedCall> Scheduler::TakeFault(WorkerResult* result) {
  if (!result->status.ok() || result->payloads.size() != 1) return nullptr;
  Payload& last = result->payloads.front();
  if (!last.key.starts_with(':')) return nullptr;
  std::unique_ptr<FailedCall> found;
  Pairs kept;
  for (auto& entry : last.desc) {
    const bool fault = entry.first == ":fault";
    if (!fault && entry.first != ":traceback") {
      if (found != nullptr) kept.push_back(std::move(entry));
      continue;
    }
    if (found == nullptr) {
      found = std::make_unique<FailedCall>();
      kept.assign(std::make_move_iterator(last.desc.begin()),
                  std::make_move_iterator(last.desc.begin() + (&entry - last.desc.data())));
    }
    (fault ? found->fault : found->detail) = std::move(entry.second);
  }
  if (found != nullptr) last.desc = std::move(kept);
  return found;
}

void Scheduler::Finish(WorkerResult& result, TimePoint now, std::vector<Answer>* out) {
  const auto found = calls_.find(result.call);
  if (found == calls_.end()) return;
  Call& call = found->second;
  const bool wanted = call.state != State::kUnwanted;
  if (!wanted) ++unwanted_;
  if (result.batch > 0 && !result.lost) ++batches_[result.batch];
  bool poison = false;
  if (wanted && RunsAgain(result, call, &poison)) return Enqueue(result.call, call);
  uint64_t bytes_out = 0;
  for (const Payload& p : result.payloads) bytes_out += p.data.size();
  if (wanted) {
    deadlines_.erase({call.request.deadline, result.call});
    std::unique_ptr<FailedCall> fault = TakeFault(&result);
    Answer answer = TakeAnswer(call, std::move(result.status), now, std::move(fault));
    answer.reply.payloads = std::move(result.payloads);
    if (call.nests) answer.nests = result.call;
    answer.reply.times.engine = result.engine;
    answer.reply.times.channel = now - call.sent - result.engine;
    if (answer.failed != nullptr) {
      answer.failed->instance = result.instance;
      if (answer.failed->fault.empty()) answer.failed->detail = std::move(result.detail);
    }
    if (poison) answer.poison = std::make_unique<Request>(std::move(call.request));
    out->push_back(std::move(answer));
  }
  Forget(found, bytes_out, result.engine);
}

void Scheduler::OnResults(std::vector<WorkerResult> results) {
  std::vector<Answer> answers;
  answers.reserve(results.size());
  std::vector<Sending> sending;
  const TimePoint now = clock_.Now();
  {
    MutexLock lock(mu_);
    for (WorkerResult& result : results) Finish(result, now, &answers);
    TakeWhatFits(now, &sending);
  }
  const bool sent = !sending.empty();
  Send(std::move(sending));
  if (sent) workers_.Flush();
  Deliver(std::move(answers));
}

}  // namespace aiges
