// SPDX-License-Identifier: Apache-2.0
// xtest/run_folder.h: where a run writes. Nothing that was there is deleted, truncated or written
// over: each run has a folder of its own, and each file is made new.
//
// A full disk shows at Write or Close: the first failure is kept and told by Close, what was
// written before stays. Caller synchronises.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "loader/base/fd.h"
#include "loader/base/status.h"

namespace aiges {

class OutFile {
 public:
  OutFile() = default;
  OutFile(OutFile&&) = default;
  OutFile& operator=(OutFile&&) = default;
  ~OutFile() { (void)Close(); }

  // Makes a new file; its parent folders too. A path that exists is an error.
  Status Make(const std::string& path);
  // Takes a descriptor, for the terminal.
  void Take(Fd fd, std::string name);

  bool open() const { return fd_.valid(); }
  const std::string& path() const { return path_; }
  void Write(std::string_view text);
  // Hands what is buffered to the system.
  void Flush();
  // The first failure since Make. Idempotent.
  Status Close();

 private:
  Fd fd_;
  std::string path_, buffer_;
  Status failure_ = Status::Ok();
};

// Make, Write and Close.
Status WriteFile(const std::string& path, std::string_view text);

class RunFolder {
 public:
  // `wanted` as given by -out, or empty for <log>/run-<time>. A folder that has something in it
  // already gets a number behind its name. Then <log>/latest points to it, unless that is a thing
  // of the user's.
  static Status Make(const std::string& wanted, std::time_t now, RunFolder* out,
                     const std::string& log = "./log");

  const std::string& path() const { return path_; }
  std::string In(std::string_view name) const;
  // Where a path of the configuration is written: "./log/x" in this folder; any other path where it
  // says, with a number behind the name when there is something already.
  std::string Place(const std::string& configured) const;
  const std::string& notice() const { return notice_; }  // Of Make; empty if none.

 private:
  std::string path_, log_, notice_;
};

// `path`, or "path-1", "path-2" .. before its extension: the first that is free.
std::string FreeName(const std::string& path);
// mkdir -p.
Status MakeFolders(const std::string& path);
// "YYYY-mm-dd HH:MM:SS.mmm", local, of nanoseconds since 1970.
std::string LocalTime(int64_t unix_ns);

}  // namespace aiges
