// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/system_calls.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "loader/base/strings.h"

namespace aiges {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kMachine = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kMachine = 0;
#endif

constexpr uint32_t kOtherNumbers = 0x40000000;  // x32: the same calls under other numbers.
constexpr uint32_t kNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                 CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;

constexpr int kAttacks[] = {
    // What a process sees.
    SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, 428 /*open_tree*/,
    429 /*move_mount*/, 430 /*fsopen*/, 431 /*fsconfig*/, 432 /*fsmount*/, 433 /*fspick*/,
    442 /*mount_setattr*/, SYS_open_by_handle_at,
    // Other processes.
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, 438 /*pidfd_getfd*/,
    440 /*process_madvise*/, SYS_kcmp,
    // The kernel.
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, 425 /*io_uring_setup*/, 426, 427, SYS_add_key,
    SYS_request_key, SYS_keyctl, SYS_init_module, SYS_finit_module, SYS_delete_module,
    SYS_kexec_load,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm,
#endif
    // The machine.
    SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_settimeofday,
    SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname,
    SYS_syslog, SYS_vhangup};

constexpr uint32_t Errno(int error) {
  return SECCOMP_RET_ERRNO | (static_cast<uint32_t>(error) & SECCOMP_RET_DATA);
}

class Program {
 public:
  void Load(size_t offset) { Add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
  void Answer(uint32_t answer) { Add(BPF_RET | BPF_K, answer); }
  // The next `n` instructions are for what passes the test, what does not goes behind them.
  void If(uint16_t test, uint32_t value, uint8_t n) {
    lines_.push_back(sock_filter{static_cast<uint16_t>(BPF_JMP | test | BPF_K), 0, n, value});
  }
  void Unless(uint16_t test, uint32_t value, uint8_t n) {
    lines_.push_back(sock_filter{static_cast<uint16_t>(BPF_JMP | test | BPF_K), n, 0, value});
  }
  void Refuse(uint32_t call, int error) {
    If(BPF_JEQ, call, 1);
    Answer(Errno(error));
  }
  std::vector<sock_filter>& lines() { return lines_; }

 private:
  void Add(int code, uint32_t k) {
    lines_.push_back(sock_filter{static_cast<uint16_t>(code), 0, 0, k});
  }

  std::vector<sock_filter> lines_;
};

// The lower half of an argument; both machines are little-endian.
constexpr size_t Argument(unsigned number) {
  return offsetof(seccomp_data, args) + number * sizeof(uint64_t);
}

void RefuseAttacks(Program* program) {
  for (const int call : kAttacks) program->Refuse(static_cast<uint32_t>(call), EPERM);
  program->Refuse(SYS_clone3, ENOSYS);
  program->If(BPF_JEQ, SYS_clone, 4);
  program->Load(Argument(0));
  program->If(BPF_JSET, kNamespaces, 1);
  program->Answer(Errno(EPERM));
  program->Load(offsetof(seccomp_data, nr));
}

void RefuseNetwork(Program* program) {
  program->Refuse(425 /*io_uring_setup*/, EPERM);  // It makes sockets, too.
  program->If(BPF_JEQ, SYS_socket, 4);
  program->Load(Argument(0));
  program->Unless(BPF_JEQ, AF_UNIX, 1);
  program->Answer(Errno(EPERM));
  program->Load(offsetof(seccomp_data, nr));
}

}  // namespace

std::string RefuseSystemCalls(const RefusedCalls& refused) {
  if (!refused.attacks && !refused.network) return "";
  if (kMachine == 0) return "seccomp: no filter for this machine";
  Program program;
  program.Load(offsetof(seccomp_data, arch));
  program.Unless(BPF_JEQ, kMachine, 1);
  program.Answer(Errno(EPERM));
  program.Load(offsetof(seccomp_data, nr));
  program.If(BPF_JGE, kOtherNumbers, 1);
  program.Answer(Errno(ENOSYS));
  if (refused.attacks) RefuseAttacks(&program);
  if (refused.network) RefuseNetwork(&program);
  program.Answer(SECCOMP_RET_ALLOW);
  const sock_fprog whole{static_cast<unsigned short>(program.lines().size()),
                         program.lines().data()};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) == 0) return "";
  return StrCat("seccomp: ", ErrnoText(errno));
}

}  // namespace aiges
