// SPDX-License-Identifier: Apache-2.0
// xtest/inputs.h: reads what is sent: a file, all files of a folder, or the terminal.
//
// The data of a run is in memory before the run starts, so that no disk is in its latencies.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

struct InputOrder {
  enum class Sorted { kShuffled = 0, kAscending = 1, kDescending = 2 };
  Sorted sorted = Sorted::kShuffled;
  // Files are sorted by their name without extension up to the first of this text.
  std::string cut_at = "/";
  uint64_t seed = 0;  // Of the shuffle.
};

struct InputData {
  std::vector<std::shared_ptr<const std::string>> data;
  std::vector<std::string> files;    // Names, beside data.
  std::vector<std::string> notices;  // What was skipped; the seed of a shuffle.
};

// A folder is not searched below its first level. Nothing to send is an error.
Status ReadInputs(const std::string& path, const InputOrder& order, InputData* out);

// All of a descriptor, until its end, as one text.
Status ReadWhole(int fd, const std::string& name, std::string* out);

// The key files are sorted by: shorter keys first, so that 2 comes before 10.
std::string SortKey(const std::string& file, const std::string& cut_at);

}  // namespace aiges
