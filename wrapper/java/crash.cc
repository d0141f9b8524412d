// SPDX-License-Identifier: Apache-2.0
#include "wrapper/java/crash.h"

#include <jvmti.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "aiges/wrapper.h"

namespace aiges::java {
namespace {

// Those that the JVM takes for itself, and that are a crash where they are not its own.
constexpr int kCrashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
// Those by which others end a process. The JVM would run its shutdown hooks inside the handler's
// thread, while calls run: an end in order is the host's to begin.
constexpr int kEnds[] = {SIGTERM, SIGINT, SIGHUP};

struct sigaction g_of_jvm[NSIG];
thread_local volatile int t_signal = 0;

void OnCrash(int number, siginfo_t* info, void* context) {
  const int before = t_signal;
  t_signal = number;
  const struct sigaction& next = g_of_jvm[number];
  if ((next.sa_flags & SA_SIGINFO) != 0) {
    next.sa_sigaction(number, info, context);
  } else if (next.sa_handler != SIG_DFL && next.sa_handler != SIG_IGN) {
    next.sa_handler(number);
  }
  t_signal = before;  // The JVM knew what to do.
}

// The JVM has said all that it knows.
void OnAbort() {
  const int number = t_signal;
  if (number == 0) return;  // abort() follows.
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  ::sigaction(number, &plain, nullptr);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(number);
}

void OnExit(jint status) {
  std::fflush(nullptr);
  ::_exit(status);
}

void JNICALL OnExhausted(jvmtiEnv*, JNIEnv*, jint, const void*, const char* why) {
  EndOutOfMemory(why == nullptr ? "" : why);
}

void WatchMemory(JavaVM* jvm) {
  void* found = nullptr;
  if (jvm->GetEnv(&found, JVMTI_VERSION_11) != JNI_OK)
    return;  // A JVM without it: hooks still tell.
  auto* const jvmti = static_cast<jvmtiEnv*>(found);
  jvmtiCapabilities wanted;
  std::memset(&wanted, 0, sizeof wanted);
  wanted.can_generate_resource_exhaustion_heap_events = 1;
  wanted.can_generate_resource_exhaustion_threads_events = 1;
  jvmtiEventCallbacks callbacks;
  std::memset(&callbacks, 0, sizeof callbacks);
  callbacks.ResourceExhausted = &OnExhausted;
  if (jvmti->AddCapabilities(&wanted) != JVMTI_ERROR_NONE) return;
  jvmti->SetEventCallbacks(&callbacks, sizeof callbacks);
  jvmti->SetEventNotificationMode(JVMTI_ENABLE, JVMTI_EVENT_RESOURCE_EXHAUSTED, nullptr);
}

}  // namespace

void EndOutOfMemory(const std::string& why) {
  std::fflush(nullptr);
  std::fprintf(stderr,
               "aiges: Java is out of memory (%s): this worker ends, another takes its place; more "
               "is given by [instances] java_heap_mb\n",
               why.c_str());
  std::fflush(nullptr);
  ::_exit(WExitOutOfMemory);
}

void AddEndHooks(std::vector<JavaVMOption>* options) {
  static char exit_name[] = "exit", abort_name[] = "abort";
  options->push_back({exit_name, reinterpret_cast<void*>(&OnExit)});
  options->push_back({abort_name, reinterpret_cast<void*>(&OnAbort)});
}

void WatchForTheEnd(JavaVM* jvm) {
  for (const int number : kCrashes) {
    ::sigaction(number, nullptr, &g_of_jvm[number]);
    if (g_of_jvm[number].sa_handler == SIG_DFL) continue;  // Left to others by java_options.
    struct sigaction own = g_of_jvm[number];
    own.sa_flags |= SA_SIGINFO;
    own.sa_sigaction = &OnCrash;
    ::sigaction(number, &own, nullptr);
  }
  for (const int number : kEnds) {
    struct sigaction plain{};
    plain.sa_handler = SIG_DFL;
    ::sigaction(number, &plain, nullptr);
  }
  WatchMemory(jvm);
}

}  // namespace aiges::java
