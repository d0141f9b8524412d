// SPDX-License-Identifier: Apache-2.0
#include "xtest/legacy_files.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

namespace aiges {
namespace {

// Go's way to print a time, which readers of the csv know: nanoseconds and both zone forms.
std::string GoTime(int64_t unix_ns) {
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char date[64], zone[64], text[160];
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &local);
  std::strftime(zone, sizeof zone, "%z %Z", &local);
  std::snprintf(text, sizeof text, "%s.%09d %s", date, static_cast<int>(unix_ns % 1'000'000'000),
                zone);
  return text;
}

// Milliseconds as the old tool has them: whole microseconds, six digits. A missing end is 0.
std::string Cost(int64_t from, int64_t to) {
  char text[64];
  const int64_t us = from == 0 || to == 0 ? 0 : (to - from) / 1000;
  std::snprintf(text, sizeof text, "%f", static_cast<double>(us) / 1000);
  return text;
}

std::string CsvLine(const CallRecord& r, bool session) {
  if (!session) {
    return StrCat("id:", r.sid, ",cost:", Cost(r.begin, r.end), ",begin:", GoTime(r.begin),
                  ",end:", GoTime(r.end), "\n");
  }
  return StrCat("id:", r.sid, ",cost:", Cost(r.begin, r.end),
                ",firstCost:", Cost(r.first_request, r.first_result),
                ",lastCost:", Cost(r.last_request, r.last_result), ",begin:", GoTime(r.begin),
                ",end:", GoTime(r.end), ",firstReq:", GoTime(r.first_request),
                ",firstRlt:", GoTime(r.first_result), ",lastReq:", GoTime(r.last_request),
                ",lastRlt:", GoTime(r.last_result), "\n");
}

// A float32 as a number with no more digits than it has, as Go writes it.
double Short(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.7g", value);
  return std::strtod(text, nullptr);
}

}  // namespace

CallRecords::CallRecords(OutFile file, bool session, size_t queue)
    : file_(std::move(file)), session_(session), queue_size_(queue), thread_([this] { Run(); }) {}

CallRecords::~CallRecords() { (void)Stop(); }

void CallRecords::Push(CallRecord record) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= queue_size_) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue_.push_back(std::move(record));
    if (queue_.size() != 1) return;
  }
  wake_.notify_one();
}

Status CallRecords::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  return file_.Close();
}

void CallRecords::Run() {
  std::vector<CallRecord> batch;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    for (const CallRecord& record : batch) Take(record);
    batch.clear();
  }
}

void CallRecords::Take(const CallRecord& r) {
  if (r.code != 0) {
    std::vector<Error>& errors = errors_[r.code];
    if (errors.size() < kErrorsPerCode) errors.push_back({r.error, r.sid});
    return;
  }
  if (session_ && r.last_request != 0 && r.last_result >= r.last_request) {
    tail_.Add(static_cast<uint64_t>(r.last_result - r.last_request));
  }
  if (file_.open()) file_.Write(CsvLine(r, session_));
}

std::string OutputName(const OutputItem& item) {
  constexpr const char* kTypes[] = {"text", "audio", "image", "video", "other"};
  const char* type = kTypes[std::min<size_t>(static_cast<size_t>(item.type), 4)];
  const char* extension = item.type == DataType::kImage  ? ".jpg"
                          : item.type == DataType::kText ? ".txt"
                                                         : "";
  return StrCat(item.sid, "-", type, "-", item.name, "-", item.index, extension);
}

Status Results::Open(Output output, const std::string& path, std::unique_ptr<Results>* out) {
  std::unique_ptr<Results> results(new Results(output, path));
  Status status = Status::Ok();
  if (output == Output::kOneFile) status = results->file_.Make(path);
  if (output == Output::kFolder) status = MakeFolders(path);
  if (output == Output::kTerminal) results->file_.Take(Fd(::dup(STDOUT_FILENO)), "standard output");
  if (!status.ok()) return status;
  results->thread_ = std::thread([r = results.get()] { r->Run(); });
  *out = std::move(results);
  return Status::Ok();
}

Results::~Results() { (void)Stop(); }

void Results::Write(OutputItem item) {
  if (output_ == Output::kNone) return;
  const size_t bytes = item.data.size() + sizeof item;
  {
    std::unique_lock lock(mutex_);
    if (queued_bytes_ + bytes > kQueueBytes && queued_bytes_ > 0) {
      const auto start = std::chrono::steady_clock::now();
      room_.wait(lock, [&] { return queued_bytes_ == 0 || queued_bytes_ + bytes <= kQueueBytes; });
      const auto waited = std::chrono::steady_clock::now() - start;
      waited_ms_ += static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(waited).count());
    }
    if (stopping_) return;
    queued_bytes_ += bytes;
    queue_.push_back(std::move(item));
    if (queue_.size() != 1) return;
  }
  wake_.notify_one();
}

void Results::Run() {
  std::vector<OutputItem> batch;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch.swap(queue_);
      queued_bytes_ = 0;
    }
    room_.notify_all();
    for (const OutputItem& item : batch) Save(item);
    // Somebody may be reading along.
    if (output_ == Output::kTerminal) file_.Flush();
    batch.clear();
  }
}

void Results::Save(const OutputItem& item) {
  const std::string name = OutputName(item);
  if (output_ == Output::kOneFile) {
    for (std::string_view part : {std::string_view(name), std::string_view(":"),
                                  std::string_view(item.data), std::string_view("\n")}) {
      file_.Write(part);
    }
  } else if (output_ == Output::kTerminal) {
    for (std::string_view part : {std::string_view(name), std::string_view(" : "),
                                  std::string_view(item.data), std::string_view("\n")}) {
      file_.Write(part);
    }
  } else {
    // The service chose this name: it must not lead out of the folder.
    std::string plain = name;
    std::replace(plain.begin(), plain.end(), '/', '_');
    Status status = WriteFile(FreeName(StrCat(path_, "/", plain)), item.data);
    if (!status.ok()) {
      if (failure_.ok()) failure_ = std::move(status);
      return;
    }
  }
  ++written_;
}

Status Results::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  if (Status status = file_.Close(); !status.ok() && failure_.ok()) failure_ = std::move(status);
  return failure_;
}

std::string PerfText(const RunResult& result, const CallRecords* records) {
  Histogram last, first;
  uint64_t done = 0, failed = 0;
  for (const Step& step : result.steps) {
    last.Merge(step.latency.last);
    first.Merge(step.latency.first);
    done += step.done + step.unanswered;
    failed += step.failed + step.unanswered;
  }
  nlohmann::ordered_json perf;
  const auto ms = [](double ns) { return Short(ns / 1e6); };
  const bool some = done > failed;  // The old tool leaves the rates at 0 without a good call.
  perf["max"] = ms(static_cast<double>(last.max()));
  perf["min"] = ms(static_cast<double>(last.min()));
  const double fails = done > 0 ? static_cast<double>(failed) / static_cast<double>(done) : 0;
  perf["failRate"] = some ? Short(fails) : 0.0;
  perf["successRate"] = some ? Short(1 - fails) : 0.0;
  const auto part = [&](const char* p95, const char* p99, const char* average, const Histogram& h) {
    perf[p95] = ms(static_cast<double>(h.Percentile(95)));
    perf[p99] = ms(static_cast<double>(h.Percentile(99)));
    perf[average] = ms(h.mean());
  };
  const auto ends = [&](const char* min, const char* max, const Histogram& h) {
    perf[min] = ms(static_cast<double>(h.min()));
    perf[max] = ms(static_cast<double>(h.max()));
  };
  part("delay95", "delay99", "delayAverage", last);
  ends("delayFirstMin", "delayFirstMax", first);
  part("delayFirst95", "delayFirst99", "delayFirstAverage", first);
  const Histogram tail = records != nullptr ? records->tail() : Histogram();
  ends("delayLatMin", "delayLatMax", tail);
  part("delayLast95", "delayLast99", "delayLastAverage", tail);

  nlohmann::ordered_json errors = nlohmann::ordered_json::object();
  const auto error = [&errors](int code, const std::string& text, const std::string& sid) {
    errors[std::to_string(code)].push_back({{"errInfo", text}, {"handle", sid}});
  };
  if (records != nullptr) {
    for (const auto& [code, list] : records->errors()) {
      for (const CallRecords::Error& e : list) error(code, e.text, e.sid);
    }
  } else {
    for (const Step& step : result.steps) {
      for (const auto& [code, c] : step.codes) {
        if (code != 0) error(code, c.text, c.handle);
      }
    }
  }
  // Texts come from the network: bytes that are no UTF-8 are replaced, not thrown at us.
  const auto dump = [](const nlohmann::ordered_json& j) {
    return j.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  };
  return StrCat("perf result:\n ", dump(perf), "\nperf err record: \n", dump(errors), "\n");
}

std::string ErrDistText(const RunResult& result) {
  std::map<int, std::pair<uint64_t, std::string>> codes;
  for (const Step& step : result.steps) {
    for (const auto& [code, c] : step.codes) {
      codes[code].first += c.calls;
      codes[code].second = code == 0 ? "" : c.text;
    }
  }
  std::string out;
  for (auto& [code, entry] : codes) {
    // One line for each code, whatever the service wrote.
    std::replace(entry.second.begin(), entry.second.end(), '\n', ' ');
    out += StrCat(code, "(\"", entry.second, "\"): ", entry.first, "\n");
  }
  return out;
}

std::string ResourceCsv(const std::vector<ResourceSample>& samples, int64_t start_unix_ns) {
  std::string out = "CPU(%),MEMORY(%),GPU(MB),TIME\n";
  for (const ResourceSample& s : samples) {
    char row[256];
    std::snprintf(row, sizeof row, "%f,%f,%.0f,", s.cpu_percent, s.memory_percent, s.gpu_mb);
    out += StrCat(row, LocalTime(start_unix_ns + static_cast<int64_t>(s.at_s * 1e9)), "\n");
  }
  return out;
}

}  // namespace aiges
