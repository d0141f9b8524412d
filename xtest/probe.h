// SPDX-License-Identifier: Apache-2.0
// xtest/probe.h: whether anybody is there, before a thousand calls find out that nobody is.
#pragma once

#include <string>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

// Connects to each host, host:port, until one takes the connection, which is closed at once. Not
// ok: none does; the text says why, in one sentence.
Status FindAnybody(const std::vector<std::string>& hosts);

}  // namespace aiges
