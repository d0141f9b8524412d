// SPDX-License-Identifier: Apache-2.0
// xtest/timing.h: what a server says about where the time of a call went (W3C Server Timing).
#pragma once

#include <string_view>

#include "xtest/call.h"

namespace aiges {

// "queue;dur=0.1, channel;dur=.., engine;dur=.., total;dur=.."; other entries are passed over.
StageSample ParseServerTiming(std::string_view text);

}  // namespace aiges
