// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/own_process.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/channel/frame.h"

namespace aiges {
namespace {

constexpr int kDescriptors[] = {kChannelFd, kRequestMemoryFd, kResultMemoryFd};

// 1 in the worker, 0 in a child. Null: not watched.
volatile char* g_here = nullptr;

// Which socket the channel is: a hook that closed it may have another file under its number.
dev_t g_device = 0;
ino_t g_inode = 0;

// Not by descriptors alone: their numbers are soon used for other files.
void CutOff() {
  if (g_here != nullptr) *g_here = 0;
  for (const int fd : kDescriptors) ::close(fd);
}

}  // namespace

void WatchForks() {
  struct stat channel{};
  if (::fstat(kChannelFd, &channel) == 0) {
    g_device = channel.st_dev;
    g_inode = channel.st_ino;
  }
  for (const int fd : kDescriptors) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  const auto size = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  ::madvise(page, size, MADV_WIPEONFORK);  // Without it, fork's own handler still tells.
  g_here = static_cast<volatile char*>(page);
  *g_here = 1;
  ::pthread_atfork(nullptr, nullptr, &CutOff);
}

bool InForkedChild() { return g_here != nullptr && *g_here == 0; }

void EndForkedChild() {
  if (!InForkedChild()) return;
  static constexpr char kText[] =
      "aiges-worker: a hook forked and let the child come back, too: the child is ended. A child "
      "of "
      "os.fork must end with os._exit, or become another program\n";
  (void)!::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::_exit(1);
}

void EndWithoutChannel() {
  struct stat now{};
  if (::fstat(kChannelFd, &now) != 0 || now.st_dev != g_device || now.st_ino != g_inode) {
    static constexpr char kText[] =
        "aiges-worker: a hook has closed descriptor 3, the channel to AIService\n";
    (void)!::write(STDERR_FILENO, kText, sizeof kText - 1);
    for (;;) ::pause();
  }
  ::_exit(0);
}

}  // namespace aiges
