// SPDX-License-Identifier: Apache-2.0
#include "xtest/timing.h"

#include <algorithm>
#include <charconv>

namespace aiges {

StageSample ParseServerTiming(std::string_view text) {
  StageSample sample;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    std::string_view entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    entry.remove_prefix(std::min(entry.find_first_not_of(' '), entry.size()));
    const size_t dur = entry.find(";dur=");
    if (dur == entry.npos) continue;
    double ms = 0;
    const char* last = entry.data() + entry.size();
    if (std::from_chars(entry.data() + dur + 5, last, ms).ec != std::errc()) continue;
    const std::string_view name = entry.substr(0, dur);
    double* stage = name == "queue"     ? &sample.queue
                    : name == "channel" ? &sample.channel
                    : name == "engine"  ? &sample.engine
                    : name == "total"   ? &sample.total
                                        : nullptr;
    if (stage == nullptr) continue;
    *stage = ms;
    sample.known = true;
  }
  return sample;
}

}  // namespace aiges
