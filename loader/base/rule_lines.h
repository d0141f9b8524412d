// SPDX-License-Identifier: Apache-2.0
// loader/base/rule_lines.h: the form that all files of [access] have: lines of words with spaces
// or tabs between. A comment begins with '#'. Pure functions.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

// Calls `take` with the words of each line that has some, until one is not ok: that status with the
// number of its line. More than `most` such lines are a mistake.
Status EachRule(std::string_view text, size_t most,
                const std::function<Status(const std::vector<std::string_view>&)>& take);

Status WrongRule(std::string text);
// Of what stands in a file: short, and harmless to a terminal.
std::string VisibleRule(std::string_view text);

// A file as a whole. Not ok: it is none, or too large (4 MiB).
Status ReadRuleFile(const std::string& path, std::string* text);

}  // namespace aiges
