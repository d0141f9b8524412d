// SPDX-License-Identifier: Apache-2.0
#include "loader/telemetry/exporter.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "loader/base/log.h"
#include "loader/base/numbers.h"
#include "loader/base/random.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{1000};
// A collector that wants to be left alone for longer is not asked again with that batch.
constexpr milliseconds kLongestPause{60'000};

HttpLoopOptions OptionsOf(const OtlpSettings& settings) {
  HttpLoopOptions options;
  options.thread = "spans";
  options.headers = settings.headers;
  options.headers.emplace_back("Content-Type",
                               settings.protobuf ? "application/x-protobuf" : "application/json");
  options.ca_file = settings.ca_file;
  options.cert_file = settings.cert_file;
  options.key_file = settings.key_file;
  return options;
}

// OTLP 1.8, "Failures": these, and no answer, may be tried again; nothing else.
bool IsPassing(const HttpGot& got) {
  return got.status == 0 || got.status == 429 || got.status == 502 || got.status == 503 ||
         got.status == 504;
}

// Doubles; half of it by chance, so that many loaders do not come back together.
milliseconds PauseOf(const HttpGot& got, int tries) {
  if (const std::string* said = Find(got.headers, "retry-after")) {
    uint64_t seconds = 0;
    if (ReadWhole(*said, &seconds)) return milliseconds(std::min<uint64_t>(seconds, 3600) * 1000);
  }
  const milliseconds full = kFirstPause * (1 << tries);
  return full / 2 + milliseconds(RandomBits() % static_cast<uint64_t>(full.count() / 2));
}

}  // namespace

Exporter::Exporter(const OtlpSettings& settings, SpanSource source)
    : settings_(settings), source_(std::move(source)), loop_(OptionsOf(settings)) {}

Exporter::~Exporter() = default;

void Exporter::Add(std::vector<Span> spans) {
  bool full = false, first = false;
  {
    MutexLock lock(mu_);
    const size_t room = settings_.max_queue - std::min<size_t>(settings_.max_queue, queue_.size());
    const size_t taken = std::min(room, spans.size());
    dropped_ += spans.size() - taken;
    std::move(spans.begin(), spans.begin() + static_cast<ptrdiff_t>(taken),
              std::back_inserter(queue_));
    full = !busy_ && queue_.size() >= settings_.max_batch;
    first = !busy_ && !queue_.empty() && !std::exchange(waits_, true);
  }
  if (full) {
    loop_.Post([this] { SendSome(); });
  } else if (first) {
    loop_.Post([this] { loop_.After(milliseconds(settings_.delay_ms), [this] { SendSome(); }); });
  }
}

// The loop's thread, as all that follows.
void Exporter::SendSome() {
  std::vector<Span> batch;
  {
    MutexLock lock(mu_);
    if (busy_) return;
    waits_ = false;
    if (queue_.empty()) return idle_.NotifyAll();
    const auto end = queue_.begin() +
                     static_cast<ptrdiff_t>(std::min<size_t>(queue_.size(), settings_.max_batch));
    batch.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    busy_ = true;
  }
  Send(settings_.protobuf ? OtlpProtobuf(source_, batch) : OtlpJson(source_, batch), batch.size(),
       0);
}

void Exporter::Send(std::string body, size_t spans, int tries) {
  HttpAsk ask;
  ask.method = "POST";
  ask.url = settings_.endpoint;
  ask.body = body;
  ask.limit = milliseconds(settings_.timeout_ms);
  loop_.Send(std::move(ask),
             [this, body = std::move(body), spans, tries](const HttpGot& got) mutable {
               OnAnswer(got, std::move(body), spans, tries);
             });
}

void Exporter::OnAnswer(const HttpGot& got, std::string body, size_t spans, int tries) {
  if (got.ok()) {
    sent_ += spans;
    if (std::exchange(told_, false)) LogInfo("otlp", settings_.endpoint, " takes spans again");
    return Done();
  }
  const milliseconds pause = PauseOf(got, tries);
  bool hurry = false;
  {
    MutexLock lock(mu_);
    hurry = hurry_;
  }
  if (IsPassing(got) && tries + 1 < kMostTries && pause <= kLongestPause && !hurry) {
    return loop_.After(pause, [this, body = std::move(body), spans, tries]() mutable {
      Send(std::move(body), spans, tries + 1);
    });
  }
  rejected_ += spans;
  if (!std::exchange(told_, true)) {
    LogWarn("otlp", settings_.endpoint, " did not take ", spans, " spans: ", got.Problem(),
            "; they are lost, calls go on");
  }
  Done();
}

// One batch is through: on with the next one, at once where it is full.
void Exporter::Done() {
  bool now = false, later = false;
  {
    MutexLock lock(mu_);
    busy_ = false;
    now = queue_.size() >= settings_.max_batch || (hurry_ && !queue_.empty());
    later = !now && !queue_.empty() && !std::exchange(waits_, true);
    if (queue_.empty()) idle_.NotifyAll();
  }
  if (now) return SendSome();
  if (later) loop_.After(milliseconds(settings_.delay_ms), [this] { SendSome(); });
}

void Exporter::Finish(TimePoint until) {
  {
    MutexLock lock(mu_);
    hurry_ = true;
  }
  loop_.Post([this] { SendSome(); });
  MutexLock lock(mu_);
  while ((busy_ || !queue_.empty()) && std::chrono::steady_clock::now() < until) {
    idle_.WaitUntil(mu_, until);
  }
}

}  // namespace aiges
