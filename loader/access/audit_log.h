// SPDX-License-Identifier: Apache-2.0
// loader/access/audit_log.h: [access] audit_log: a line of JSON for each refusal and each act that
// changes the service. Calls that are let in have none.
//
//   {"time":"2026-12-01T09:41:12.042Z","who":"alice","proof":"key","peer":"127.0.0.1:40000",
//    "path":"/v1/raw/svcName","decision":"refused","code":10421,"why":".."}
//
// Lines wait in a bounded queue for a thread of their own; those that find no room are counted, and
// the count is the next line. A file that was renamed or removed is made anew (logrotate).
// Thread-safe; Write never waits for the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "loader/api/audit.h"
#include "loader/base/fd.h"
#include "loader/base/mutex.h"
#include "loader/base/status.h"

namespace aiges {

// Who asks, and where.
struct AuditAsk {
  std::string who, proof, peer, path;
};

class AuditLog {
 public:
  static constexpr size_t kMostLines = 10'000, kMostText = 512;  // Of each text of a line.

  AuditLog() = default;
  // Writes what waits.
  ~AuditLog();

  // From now on lines go there; empty: there are none. Not ok: it cannot be written to, and all
  // stays as it was.
  Status Use(const std::string& path);
  // Whether lines could go there.
  static Status Check(const std::string& path);
  bool on() const { return on_; }
  void Write(const AuditAsk& ask, const AuditEvent& event);
  uint64_t lost() const { return lost_; }

  // Of one request; nothing where there is no audit log. The log outlives it.
  AuditRef Trail(AuditAsk ask);

 private:
  void Run();
  // Appends to the file of that name. The thread's.
  void Put(const std::string& path, const std::string& text, size_t lines);

  std::atomic<bool> on_{false};
  std::atomic<uint64_t> lost_{0};
  Mutex mu_;
  CondVar wake_;
  std::string path_ GUARDED_BY(mu_);
  std::vector<std::string> lines_ GUARDED_BY(mu_);
  uint64_t untold_ GUARDED_BY(mu_) = 0;  // Lost since the last line said so.
  bool stop_ GUARDED_BY(mu_) = false;
  // The thread's.
  Fd file_;
  std::string file_path_;
  bool failed_ = false;
  std::thread thread_;
};

}  // namespace aiges
