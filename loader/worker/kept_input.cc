// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/kept_input.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace aiges {

KeptInput& GetKeptInput() {
  static KeptInput* const kept = new KeptInput;  // Never destroyed: engines' threads outlive main.
  return *kept;
}

void KeptInput::Use(std::shared_ptr<ArenaMapping> requests, int fd) {
  requests_ = std::move(requests);
  fd_ = fd;
  page_ = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

bool KeptInput::CanKeep(std::string_view bytes) const {
  if (requests_ == nullptr || bytes.empty()) return false;
  const char* const begin = requests_->blocks();
  const char* const end = begin + requests_->block_count() * kBlock;
  const bool inside = bytes.data() >= begin && bytes.data() < end &&
                      bytes.size() <= static_cast<size_t>(end - bytes.data());
  return inside && ranges_ < kMostRanges && bytes_ + bytes.size() <= kMostBytes;
}

KeptInput::Pages KeptInput::PagesOf(std::string_view bytes) const {
  const auto at = static_cast<size_t>(bytes.data() - requests_->blocks());
  return {at / page_, (at + bytes.size() + page_ - 1) / page_};
}

bool KeptInput::HidesAny(std::string_view bytes) const {
  const Pages pages = PagesOf(bytes);
  MutexLock lock(mu_);
  for (size_t page = pages.begin; page < pages.end; ++page) {
    if (keepers_.count(page) > 0) return true;
  }
  return false;
}

std::string KeptInput::Read(std::string_view bytes) const {
  std::string out(bytes.size(), '\0');
  const auto at = static_cast<size_t>(bytes.data() - requests_->blocks());
  size_t done = 0;
  while (done < out.size()) {
    const auto place = static_cast<off_t>(requests_->control_bytes() + at + done);
    const ssize_t n = ::pread(fd_, out.data() + done, out.size() - done, place);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return "";
    done += static_cast<size_t>(n);
  }
  return out;
}

bool KeptInput::Hide(Pages pages) {
  const size_t size = (pages.end - pages.begin) * page_;
  char* const place = requests_->blocks() + pages.begin * page_;
  void* const copy =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED) return false;
  std::memcpy(copy, place, size);
  // One step: who reads there meanwhile sees the one or the other, which are the same.
  if (::mprotect(copy, size, PROT_READ) == 0 &&
      ::mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place) != MAP_FAILED) {
    return true;
  }
  ::munmap(copy, size);
  return false;
}

bool KeptInput::Show(Pages pages) {
  const size_t at = pages.begin * page_, size = (pages.end - pages.begin) * page_;
  void* const shown =
      ::mmap(requests_->blocks() + at, size, PROT_READ, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd_,
             static_cast<off_t>(requests_->control_bytes() + at));
  if (shown == MAP_FAILED) return false;
  for (size_t page = pages.begin; page < pages.end; ++page) keepers_.erase(page);
  return true;
}

std::vector<KeptInput::Pages> KeptInput::RunsOf(Pages pages, uint32_t keepers) const {
  std::vector<Pages> runs;
  for (size_t page = pages.begin; page < pages.end; ++page) {
    const auto found = keepers_.find(page);
    if ((found == keepers_.end() ? 0 : found->second) != keepers) continue;
    if (runs.empty() || runs.back().end != page) runs.push_back({page, page});
    runs.back().end = page + 1;
  }
  return runs;
}

bool KeptInput::Begin(std::string_view bytes) {
  const Pages pages = PagesOf(bytes);
  MutexLock lock(mu_);
  const std::vector<Pages> runs = RunsOf(pages, 0);  // Others may keep some of them already.
  for (size_t i = 0; i < runs.size(); ++i) {
    if (Hide(runs[i])) continue;
    while (i > 0) Show(runs[--i]);
    return false;
  }
  for (size_t page = pages.begin; page < pages.end; ++page) ++keepers_[page];
  bytes_ += bytes.size();
  ranges_.fetch_add(1, std::memory_order_release);
  return true;
}

void KeptInput::End(std::string_view bytes) {
  const Pages pages = PagesOf(bytes);
  MutexLock lock(mu_);
  for (size_t page = pages.begin; page < pages.end; ++page) --keepers_[page];
  bool shown = true;
  for (const Pages& run : RunsOf(pages, 0)) shown = Show(run) && shown;
  bytes_ -= bytes.size();
  // Else the system refuses: they stay hidden, and what lies there is read as now.
  if (shown) ranges_.fetch_sub(1, std::memory_order_release);
}

}  // namespace aiges
