// SPDX-License-Identifier: Apache-2.0
// xtest/legacy_files.h: the output files of the old tool, in their old formats.
//
// CallRecords and Results take what the clients hand over, on threads of their own, so that a disk
// is in no latency. Push and Write are thread-safe; the rest is for one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "xtest/plan.h"
#include "xtest/result.h"
#include "xtest/run_folder.h"
#include "xtest/settings.h"

namespace aiges {

// One ended call. Times are nanoseconds since 1970; 0: there was no such moment.
struct CallRecord {
  std::string sid;
  int code = 0;
  std::string error;  // Of a code other than 0.
  int64_t begin = 0, end = 0;
  int64_t first_request = 0, first_result = 0, last_request = 0, last_result = 0;  // Sessions.
};

// perfReqRecord.csv: the good calls, and in memory the errors of perf.txt. When the disk cannot
// follow, records are dropped, never the load: dropped() says how many.
class CallRecords {
 public:
  static constexpr size_t kQueue = 100'000;
  static constexpr size_t kErrorsPerCode = 100;

  CallRecords(OutFile file, bool session, size_t queue = kQueue);
  ~CallRecords();

  void Push(CallRecord record);
  // Writes what is queued; the first failure of the file.
  Status Stop();

  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  // After Stop.
  struct Error {
    std::string text, sid;
  };
  const std::map<int, std::vector<Error>>& errors() const { return errors_; }
  const Histogram& tail() const { return tail_; }  // From the last packet to the last result, ns.

 private:
  void Run();
  void Take(const CallRecord& record);

  OutFile file_;
  const bool session_;
  const size_t queue_size_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<CallRecord> queue_;
  bool stopping_ = false;
  std::atomic<uint64_t> dropped_{0};
  std::map<int, std::vector<Error>> errors_;
  Histogram tail_;
  std::thread thread_;
};

// One result of a stream, as the service named it.
struct OutputItem {
  std::string sid, name;
  DataType type = DataType::kText;
  unsigned index = 0;  // Among the results of the call.
  std::string data;
};

// "<sid>-<type>-<name>-<index>" and an extension for images and text.
std::string OutputName(const OutputItem& item);

// downstream.output. Results are what people came for: when the disk cannot follow, Write waits,
// and waited_ms says how long.
class Results {
 public:
  static constexpr size_t kQueueBytes = 256 << 20;

  // `path` from RunFolder::Place; not used for kTerminal.
  static Status Open(Output output, const std::string& path, std::unique_ptr<Results>* out);
  ~Results();

  void Write(OutputItem item);
  Status Stop();
  uint64_t waited_ms() const { return waited_ms_.load(std::memory_order_relaxed); }
  uint64_t written() const { return written_; }  // After Stop.

 private:
  Results(Output output, std::string path) : output_(output), path_(std::move(path)) {}
  void Run();
  void Save(const OutputItem& item);

  const Output output_;
  const std::string path_;
  OutFile file_;  // kOneFile and kTerminal.
  Status failure_ = Status::Ok();
  std::mutex mutex_;
  std::condition_variable wake_, room_;
  std::vector<OutputItem> queue_;
  size_t queued_bytes_ = 0;
  bool stopping_ = false;
  std::atomic<uint64_t> waited_ms_{0};
  uint64_t written_ = 0;
  std::thread thread_;
};

// `records` may be null: then the errors are those of result.codes, one for each code.
std::string PerfText(const RunResult& result, const CallRecords* records);
std::string ErrDistText(const RunResult& result);
// `start_unix_ns`: when at_s was 0.
std::string ResourceCsv(const std::vector<ResourceSample>& samples, int64_t start_unix_ns);

}  // namespace aiges
