// SPDX-License-Identifier: Apache-2.0
// loader/metering/spool.h: records on disk until somebody has taken them.
//
// Overview. Add writes a record into a mapped file whose blocks are there (segment.h): no system
// call but the page faults, and once per segment a wake-up. What Add has returned for survives the
// end of the process, however that comes. A thread of its own (`spool`) makes what was written
// durable every sync_period, keeps one segment ready ahead, and deletes those of which all is
// acknowledged. So a loss of power costs what came since the last sync, and never makes a record
// appear twice: only durable ones are given to who takes them, and numbers go on behind all that
// was found.
//
// Files in the folder: lock (held while the process lives: one loader to a folder), instance (its
// name for ever, made once), acknowledged (a number), segment-<sequence>.usage.
//
// Bounds: segments have max_bytes together. Where there is no room Add returns false and counts;
// Low says before that that no further record should be made.
//
// Threads: Add and Low from any, Low without a lock. Next and Acknowledge belong to one thread, the
// taker's. Errors after Open are logged and counted; a file that could not be synced is left, as
// the kernel tells such an error once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "loader/base/clock.h"
#include "loader/base/fd.h"
#include "loader/base/mutex.h"
#include "loader/base/status.h"
#include "loader/metering/segment.h"

namespace aiges {

struct SpoolOptions {
  std::string folder;  // Made where it is not there.
  uint64_t max_bytes = 1ull << 30;
  uint64_t segment_bytes = 4ull << 20;
  uint64_t reserve_bytes = 0;  // Low is true when less than this is left.
  std::chrono::milliseconds sync_period{500};
};

class Spool {
 public:
  struct Figures {
    uint64_t written = 0, dropped = 0;  // Records, by this process.
    uint64_t waiting = 0;               // Records that are not acknowledged.
    uint64_t bytes = 0, max_bytes = 0;  // Of segments.
    uint64_t sync_failures = 0;
    uint64_t broken = 0;  // Places where a record was not as it was written.
  };

  // nullptr: *status says why, in words for who started the loader.
  static std::unique_ptr<Spool> Open(const SpoolOptions& options, Status* status);
  ~Spool();  // All is durable then.
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // False: there is no room, and it is counted. At most Segment::kMostRecord bytes.
  bool Add(std::string_view record);
  bool Low() const { return low_.load(std::memory_order_relaxed); }

  // Takes the durable records after those given before, the first time after the acknowledged
  // ones, until there are as many, or as long together. Waits for the first one until `until`.
  // The last one's number; 0: there is none, or Stop was called.
  using Take = std::function<void(uint64_t number, std::string_view bytes)>;
  uint64_t Next(size_t most, size_t most_bytes, TimePoint until, const Take& take);
  // All up to that number need not be kept. Durable when it returns. Not ok: it is not, and these
  // records may be given again after a restart.
  Status Acknowledge(uint64_t number);
  // Next waits no more. What there is by now is made durable, so that it can still be taken.
  void Stop();

  const std::string& instance() const { return instance_; }
  Figures Report() const;

 private:
  using SegmentRef = std::shared_ptr<Segment>;

  explicit Spool(const SpoolOptions& options);
  Status Lock();
  Status Recover();
  Status ReadInstance();
  Status ReadAcknowledged();
  std::string PathOf(uint64_t sequence) const;
  SegmentRef MakeSegment(Status* status) REQUIRES(work_mu_);
  bool Turn() REQUIRES(mu_);
  void SetLow() REQUIRES(mu_);
  uint64_t BytesOfSegments() const REQUIRES(mu_);
  void Run();
  void Work() REQUIRES(work_mu_);
  void SyncAll() REQUIRES(work_mu_);
  void CloseOld() REQUIRES(work_mu_);
  void PrepareNext() REQUIRES(work_mu_);
  void DeleteAcknowledged() REQUIRES(work_mu_);
  SegmentRef SegmentOf(uint64_t number, size_t* end) REQUIRES(mu_);

  const SpoolOptions options_;
  Fd lock_, acknowledged_file_;
  std::string instance_;
  std::atomic<bool> low_{false};

  Mutex work_mu_;  // Held for what the spool's thread does; before mu_.
  uint64_t sequence_ GUARDED_BY(work_mu_) = 0;
  bool told_full_ GUARDED_BY(work_mu_) = false;

  mutable Mutex mu_;
  CondVar wake_, durable_wake_;
  // In order; the last one is written to, where it is mapped.
  std::deque<SegmentRef> segments_ GUARDED_BY(mu_);
  SegmentRef spare_ GUARDED_BY(mu_);
  uint64_t next_ GUARDED_BY(mu_) = 1;
  uint64_t durable_ GUARDED_BY(mu_) = 0;
  uint64_t acknowledged_ GUARDED_BY(mu_) = 0;
  uint64_t written_ GUARDED_BY(mu_) = 0, dropped_ GUARDED_BY(mu_) = 0;
  uint64_t sync_failures_ GUARDED_BY(mu_) = 0, broken_ GUARDED_BY(mu_) = 0;
  bool turned_ GUARDED_BY(mu_) = false;  // A segment ahead is wanted.
  bool stopping_ GUARDED_BY(mu_) = false, ended_ GUARDED_BY(mu_) = false;

  // The taker's.
  SegmentRef reading_;
  size_t read_at_ = 0;
  uint64_t to_read_ = 0;

  std::thread thread_;
};

}  // namespace aiges
