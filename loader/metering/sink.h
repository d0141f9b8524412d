// SPDX-License-Identifier: Apache-2.0
// loader/metering/sink.h: where usage records go from the spool.
//
// Belongs to the thread `usage`, which may wait in it; StopWaiting comes from another.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "loader/base/status.h"

namespace aiges {

enum class Delivered {
  kYes,
  kLater,  // It may go better another time.
  kNever,  // Who gets them refuses them, and would again.
};

// Events of records that follow each other.
struct UsageBatch {
  std::string lines;  // Each is one of JSON, with its end; none has a line's end in it.
  size_t events = 0;
  uint64_t first = 0, last = 0;  // Numbers of the first and the last of them.
};

class UsageSink {
 public:
  virtual ~UsageSink() = default;
  // Not kYes: *why.
  virtual Delivered Deliver(const UsageBatch& batch, std::string* why) = 0;
  // How many at most in one. What is synced to disk for each batch costs as much for many.
  virtual size_t most_events() const { return 4096; }
  // The last number that is known to have arrived; 0: it cannot tell.
  virtual uint64_t Arrived() const { return 0; }
  // Deliver comes back soon, and each later one, too.
  virtual void StopWaiting() {}
};

// Lines in files usage-<number of the first>.jsonl of the folder; a new one when one has
// file_bytes. A record is in them once, also when the process was killed between two steps.
// `instance`: of the folder, whose records they are. nullptr: *status says why.
std::unique_ptr<UsageSink> MakeFileSink(const std::string& folder, const std::string& instance,
                                        uint64_t file_bytes, Status* status);
std::unique_ptr<UsageSink> MakeStdoutSink();
// POSTs batches of CloudEvents (application/cloudevents-batch+json). token: of a Bearer; or empty.
std::unique_ptr<UsageSink> MakeHttpSink(const std::string& url, const std::string& token);

// Appends lines to a file, durably.
Status AppendDurably(const std::string& path, const std::string& lines);

}  // namespace aiges
