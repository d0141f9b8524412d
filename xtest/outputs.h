// SPDX-License-Identifier: Apache-2.0
// xtest/outputs.h: what a run leaves on disk: results and records of single calls while it goes on,
// reports at its end. Everything is in the run folder, but for paths that the user has named.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "xtest/call.h"
#include "xtest/legacy_files.h"
#include "xtest/options.h"
#include "xtest/run_folder.h"
#include "xtest/settings.h"

namespace aiges {

// OnCall is for all threads, the rest for one.
class Outputs : public CallSink {
 public:
  Outputs(const Options& options, const Settings& settings);

  // Makes the folder and opens the files of single calls.
  Status Open();
  void OnCall(const Call& call) override;
  // Writes the reports. Failures become notes of the result, and are all told: one file that cannot
  // be written takes no other with it.
  std::vector<std::string> Finish(RunResult* result);

  const std::string& folder() const { return folder_.path(); }
  const std::string& notice() const { return folder_.notice(); }

 private:
  int64_t UnixNanos(TimePoint at) const;

  const Options& options_;
  const Settings& settings_;
  const bool session_;
  const int64_t unix_minus_steady_ns_;
  const int64_t started_unix_ns_;
  RunFolder folder_;
  std::optional<CallRecords> records_;
  std::unique_ptr<Results> results_;
};

}  // namespace aiges
