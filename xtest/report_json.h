// SPDX-License-Identifier: Apache-2.0
// xtest/report_json.h: a RunResult as JSON and back, for `xtest compare` and other programs.
//
// Histograms travel as their buckets, with count, smallest and largest value: percentiles read back
// are those written. Readers other than xtest find p50 .. max beside them.
#pragma once

#include <string>

#include "loader/base/status.h"
#include "xtest/result.h"

namespace aiges {

constexpr int kJsonVersion = 1;

std::string ToJson(const RunResult& result);
// `name` is for errors. Another version, or a value of another kind, is an error that names it.
Status FromJson(const std::string& name, const std::string& text, RunResult* out);
Status ReadJsonFile(const std::string& path, RunResult* out);

}  // namespace aiges
