// SPDX-License-Identifier: Apache-2.0
#include "loader/metering/metering.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kMostBytes = 512 * 1024;  // Of records in one batch.
constexpr milliseconds kTurn{1000};
constexpr milliseconds kLastTurn{1000};  // At the end.
constexpr milliseconds kFirstPause{500}, kMostPause{60'000};
// Of a call's record, where it is large, and of calls that need no licence.
constexpr uint64_t kRecordRoom = 512, kMoreCalls = 256;

std::string HostName() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::unique_ptr<UsageSink> MakeSink(const MeteringSettings& s, const std::string& instance,
                                    Status* status) {
  if (s.sink == "stdout") return MakeStdoutSink();
  if (s.sink != "file") return MakeHttpSink(s.sink, s.token);
  return MakeFileSink(s.folder, instance, s.file_mb << 20, status);
}

}  // namespace

std::unique_ptr<Metering> Metering::Open(const Settings& settings, Status* status) {
  const MeteringSettings& s = settings.metering;
  SpoolOptions options;
  options.folder = s.folder;
  options.max_bytes = s.max_mb << 20;
  options.segment_bytes = std::min<uint64_t>(options.segment_bytes, options.max_bytes / 4);
  options.reserve_bytes =
      std::min((settings.licences + kMoreCalls) * kRecordRoom, options.segment_bytes / 2);
  std::unique_ptr<Spool> spool = Spool::Open(options, status);
  if (spool == nullptr) return nullptr;
  std::unique_ptr<UsageSink> sink = MakeSink(s, spool->instance(), status);
  if (sink == nullptr) {
    status->text = StrCat("[metering] sink: ", status->text);
    return nullptr;
  }
  return std::unique_ptr<Metering>(new Metering(settings, std::move(spool), std::move(sink)));
}

Metering::Metering(const Settings& settings, std::unique_ptr<Spool> spool,
                   std::unique_ptr<UsageSink> sink)
    : settings_(settings.metering),
      spool_(std::move(spool)),
      events_({spool_->instance(), settings.service.name, HostName()}),
      sink_(std::move(sink)),
      refuses_(settings_.on_full == "refuse") {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "usage");
    Run();
  });
}

Metering::~Metering() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    stop_at_ = steady_clock::now() + kLastTurn;
  }
  spool_->Stop();
  sink_->StopWaiting();
  wake_.NotifyAll();
  thread_.join();
}

Status Metering::Admit(const Asking&, std::unique_ptr<Allowance>*) {
  if (!refuses_ || !spool_->Low()) return Status::Ok();
  refused_.fetch_add(1, std::memory_order_relaxed);
  return Status::Error(
      StatusKind::kOverloaded,
      StrCat("the store of usage records is full ([metering] max_mb = ", settings_.max_mb,
             "): no call is taken until its sink has taken some"));
}

void Metering::Add(const CallRecord& record) {
  // One that was refused for want of room would take the last of it.
  if (record.refused && spool_->Low()) return;
  const int64_t unix_us = std::chrono::duration_cast<std::chrono::microseconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                              .count();
  (void)spool_->Add(UsageBytes(record, unix_us).view());  // Counted where there is no room.
}

void Metering::Run() {
  UsageBatch batch;
  for (;;) {
    batch.lines.clear();
    batch.events = 0;
    const auto take = [&](uint64_t number, std::string_view bytes) {
      // Delivered by a process that did not come to say so.
      if (number <= sink_->Arrived()) return;
      if (events_.Append(number, bytes, &batch.lines)) {
        if (batch.events++ == 0) batch.first = number;
        batch.last = number;
        return;
      }
      LogError("metering", "the usage record ", number, " is of a version that is not known");
      dead_letters_.fetch_add(1, std::memory_order_relaxed);
    };
    const uint64_t last =
        spool_->Next(sink_->most_events(), kMostBytes, steady_clock::now() + kTurn, take);
    if (last == 0) {
      MutexLock lock(mu_);
      if (stopping_) return;
      continue;
    }
    if (batch.events > 0 && !DeliverAll(batch)) return;
    if (const Status status = spool_->Acknowledge(last); !status.ok()) SetProblem(status.text);
    MutexLock lock(mu_);
    if (stopping_ && steady_clock::now() >= stop_at_) return;  // The rest is for the next start.
  }
}

bool Metering::DeliverAll(const UsageBatch& batch) {
  milliseconds pause = kFirstPause;
  for (;;) {
    std::string why;
    switch (sink_->Deliver(batch, &why)) {
      case Delivered::kYes:
        delivered_.fetch_add(batch.events, std::memory_order_relaxed);
        SetProblem({});
        return true;
      case Delivered::kNever: {
        failures_.fetch_add(1, std::memory_order_relaxed);
        const std::string path = settings_.folder + "/dead-letters.jsonl";
        const Status kept = AppendDurably(path, batch.lines);
        SetProblem(StrCat("refused: ", why, kept.ok() ? "" : "; ", kept.text));
        LogError("metering", batch.events, " usage records were refused and lie in ", path, ": ",
                 why);
        if (!kept.ok()) break;  // They lie nowhere else.
        dead_letters_.fetch_add(batch.events, std::memory_order_relaxed);
        return true;
      }
      case Delivered::kLater:
        failures_.fetch_add(1, std::memory_order_relaxed);
        LogWarn("metering", "usage records could not be delivered, again in ", pause.count(),
                " ms: ", why);
        SetProblem(std::move(why));
        break;
    }
    if (!Pause(pause)) return false;
    pause = std::min(pause * 2, kMostPause);
  }
}

bool Metering::Pause(milliseconds pause) {
  const TimePoint until = steady_clock::now() + pause;
  MutexLock lock(mu_);
  while (!stopping_ && steady_clock::now() < until) wake_.WaitUntil(mu_, until);
  return !stopping_;
}

void Metering::SetProblem(std::string problem) {
  MutexLock lock(mu_);
  problem_ = std::move(problem);
}

MeteringReport Metering::Report() const {
  const Spool::Figures f = spool_->Report();
  MeteringReport report;
  report.on = true;
  report.instance = spool_->instance();
  report.folder = settings_.folder;
  report.records = f.written;
  report.dropped = f.dropped;
  report.refused = refused_.load(std::memory_order_relaxed);
  report.waiting = f.waiting;
  report.bytes = f.bytes;
  report.max_bytes = f.max_bytes;
  report.sync_failures = f.sync_failures + f.broken;
  report.delivered = delivered_.load(std::memory_order_relaxed);
  report.sink_failures = failures_.load(std::memory_order_relaxed);
  report.dead_letters = dead_letters_.load(std::memory_order_relaxed);
  MutexLock lock(mu_);
  report.problem = problem_;
  return report;
}

}  // namespace aiges
