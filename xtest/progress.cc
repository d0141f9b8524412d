// SPDX-License-Identifier: Apache-2.0
#include "xtest/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "loader/base/strings.h"
#include "xtest/quantity.h"

namespace aiges {
namespace {

void Put(int fd, std::string_view text) {
  // A terminal that went away is no reason to end the run.
  [[maybe_unused]] const ssize_t n = ::write(fd, text.data(), text.size());
}

// "1:23", "2:03:00".
std::string Clock(double seconds) {
  const auto s = static_cast<uint64_t>(std::max(0.0, std::ceil(seconds)));
  const auto two = [](uint64_t n) { return StrCat(n < 10 ? "0" : "", n); };
  if (s < 3600) return StrCat(s / 60, ":", two(s % 60));
  return StrCat(s / 3600, ":", two(s / 60 % 60), ":", two(s % 60));
}

// What is left, by time or by calls, whichever comes first; below 0: unknown.
double Left(const Live& live) {
  double left = -1;
  if (live.total_s > 0) left = std::max(0.0, live.total_s - live.elapsed_s);
  if (live.total > 0 && live.rate > 0) {
    const double rest = static_cast<double>(live.total - std::min(live.done, live.total));
    left = left < 0 ? rest / live.rate : std::min(left, rest / live.rate);
  }
  return left;
}

}  // namespace

std::string LiveText(const Live& live, size_t columns) {
  std::string out = live.warmup ? "warm-up " : "";
  out += Clock(live.elapsed_s);
  if (const double left = Left(live); left >= 0) out += StrCat(" (", Clock(left), " left)");
  out += StrCat("  ", ShownCount(static_cast<uint64_t>(std::max(0.0, live.rate))), "/s");
  if (live.wanted > 0) out += StrCat(" of ", ShownNumber(live.wanted, 1));
  out += StrCat("  in flight ", ShownCount(live.in_flight));
  if (live.p99_ns > 0)
    out += StrCat("  p50 ", ShownNanos(live.p50_ns), "  p99 ", ShownNanos(live.p99_ns));
  out += StrCat("  errors ", ShownCount(live.failed), "  done ", ShownCount(live.done));
  if (live.total > 0) out += StrCat(" of ", ShownCount(live.total));
  // A longer line would wrap, and "\r" would not come back to its start.
  if (out.size() > columns) out.resize(columns);
  return out;
}

Progress::Progress(int fd, bool quiet) : fd_(fd), shown_(!quiet && ::isatty(fd) == 1) {}

void Progress::Show(const Live& live) {
  if (!shown_) return;
  winsize size{};
  const bool known = ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  Put(fd_, StrCat("\r", LiveText(live, known ? size.ws_col - 1u : 79u), "\x1b[K"));
  dirty_ = true;
}

void Progress::Clear() {
  if (dirty_) Put(fd_, "\r\x1b[K");
  dirty_ = false;
}

}  // namespace aiges
