// SPDX-License-Identifier: Apache-2.0
// xtest/report_text.h: the final table for people. Pure.
#pragma once

#include <string>
#include <vector>

#include "xtest/result.h"
#include "xtest/slo.h"

namespace aiges {

std::string ReportText(const RunResult& result, const std::vector<SloTerm>& slo);

// Rows of cells, set in columns; the first column to the left, the others to the right. The first
// row is the heading.
std::string Table(const std::vector<std::vector<std::string>>& rows);

// The last `most` columns of this text as one line without control characters: texts of errors come
// from the network and must not steer the terminal.
std::string OneLine(const std::string& text, size_t most);

}  // namespace aiges
