// SPDX-License-Identifier: Apache-2.0
#include "bridge.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "_cgo_export.h"

// --- Errors of each thread. ---

struct failure {
  int code, error_class;
  char *text, *detail;
  struct failure* next;
};

struct failures {
  struct failure *first, *last;  // That wrapperError was not asked for.
  struct failure* current;
};

static pthread_key_t g_key;
static pthread_once_t g_once = PTHREAD_ONCE_INIT;

static void free_failure(struct failure* failure) {
  if (failure == NULL) return;
  free(failure->text);
  free(failure->detail);
  free(failure);
}

static void clear(struct failures* all) {
  while (all->first != NULL) {
    struct failure* next = all->first->next;
    free_failure(all->first);
    all->first = next;
  }
  all->last = NULL;
}

static void free_failures(void* all) {
  clear(all);
  free_failure(((struct failures*)all)->current);
  free(all);
}

static void make_key(void) { pthread_key_create(&g_key, &free_failures); }

static struct failures* own_failures(int make) {
  pthread_once(&g_once, &make_key);
  struct failures* all = pthread_getspecific(g_key);
  if (all == NULL && make) {
    all = calloc(1, sizeof(*all));
    if (all == NULL) abort();
    pthread_setspecific(g_key, all);
  }
  return all;
}

// What nobody has asked for belongs to no call to come.
static void forget_errors(void) {
  struct failures* all = own_failures(0);
  if (all != NULL && all->first != NULL) clear(all);
}

void aigesQueueError(int code, int error_class, char* text, char* detail) {
  struct failures* all = own_failures(1);
  struct failure* failure = calloc(1, sizeof(*failure));
  if (failure == NULL) abort();
  failure->code = code;
  failure->error_class = error_class;
  failure->text = text;
  failure->detail = detail;
  if (all->last == NULL) {
    all->first = failure;
  } else {
    all->last->next = failure;
  }
  all->last = failure;
}

static const struct failure* current(int code) {
  const struct failures* all = own_failures(0);
  if (all == NULL || all->current == NULL || all->current->code != code) return NULL;
  return all->current;
}

// Out: the first that waits with this code is the current one.
static void advance(struct failures* all, int code) {
  struct failure* before = NULL;
  for (struct failure* each = all->first; each != NULL; before = each, each = each->next) {
    if (each->code != code) continue;
    if (before == NULL) {
      all->first = each->next;
    } else {
      before->next = each->next;
    }
    if (all->last == each) all->last = before;
    each->next = NULL;
    free_failure(all->current);
    all->current = each;
    return;
  }
}

const char* wrapperError(int code) {
  struct failures* all = own_failures(0);
  if (all != NULL) advance(all, code);
  const struct failure* found = current(code);
  return found == NULL ? "the engine said nothing of this code" : found->text;
}

const char* wrapperErrorDetail(int code) {
  const struct failure* found = current(code);
  return found == NULL ? NULL : found->detail;
}

int wrapperErrorClass(int code) {
  const struct failure* found = current(code);
  return found == NULL ? 0 : found->error_class;
}

// --- The host's functions. Handed over before wrapperInit, and never changed. ---

static wrapperMeterCustom g_meter;
static wrapperTraceLog g_trace;
static wrapperCallState g_state;
static wrapperCallModel g_call;
static wrapperCallNext g_next;
static wrapperCallEnd g_end;

int wrapperSetCtrl(CtrlType type, void* function) {
  if (type == CTMeterCustom) g_meter = (wrapperMeterCustom)function;
  if (type == CTTraceLog) g_trace = (wrapperTraceLog)function;
  if (type == CTCallState) g_state = (wrapperCallState)function;
  if (type == CTCallModel) g_call = (wrapperCallModel)function;
  if (type == CTCallNext) g_next = (wrapperCallNext)function;
  if (type == CTCallEnd) g_end = (wrapperCallEnd)function;
  return 0;
}

int aigesMeter(const char* tag, const char* key, int count) {
  return g_meter == NULL ? 0 : g_meter(tag, key, count);
}
int aigesTrace(const char* tag, const char* key, const char* value) {
  return g_trace == NULL ? 0 : g_trace(tag, key, value);
}
int aigesCallState(const char* tag, long long* remaining_ms) {
  *remaining_ms = -1;
  return g_state == NULL ? 0 : g_state(tag, remaining_ms);
}
int aigesHasCalls(void) { return g_call != NULL && g_next != NULL && g_end != NULL; }
unsigned long long aigesCallModel(const char* tag, const char* model, const char* version,
                                  pParamList params, pDataList data, unsigned int flags,
                                  int timeout_ms) {
  return g_call(tag, model, version, params, data, flags, timeout_ms, NULL, NULL);
}
int aigesCallNext(unsigned long long call, WCallAnswer* answer) { return g_next(call, -1, answer); }
int aigesCallEnd(unsigned long long call) { return g_end(call); }

int aigesDeliver(wrapperCallback callback, const char* tag, pDataList data) {
  return callback(tag, data, 0);
}
int aigesDeliverError(wrapperCallback callback, const char* tag, int code, int error_class,
                      char* text, char* detail) {
  aigesQueueError(code, error_class, text, detail);
  const int taken = callback(tag, NULL, code);
  forget_errors();
  return taken;
}

// --- What the host calls. ---

int wrapperInit(pConfig config) { return aigesGoInit(config); }
int wrapperWarmup(void) { return aigesGoWarmUp(); }
int wrapperFini(void) { return aigesGoClose(); }
const char* wrapperVersion(void) { return aigesGoVersion(); }
const char* wrapperSchema(void) { return aigesGoSchema(); }
unsigned int wrapperTraits(void) { return aigesGoTraits(); }
int wrapperWishes(WrapperWishes* wishes) { return aigesGoWishes(wishes); }

int wrapperExec(const char* tag, pParamList params, pDataList data, pDataList* out,
                unsigned int ids[], int count) {
  forget_errors();
  return aigesGoExec((char*)tag, params, data, out, ids, count);
}
// A list is one piece of memory, and its head the begin of it.
int wrapperExecFree(const char* tag, pDataList* out) {
  (void)tag;
  free(*out);
  *out = NULL;
  return 0;
}
int wrapperExecAsync(const char* tag, pParamList params, pDataList data, wrapperCallback callback,
                     int timeout_ms, unsigned int ids[], int count) {
  (void)timeout_ms;
  forget_errors();
  return aigesGoExecLater((char*)tag, params, data, callback, ids, count);
}
int wrapperExecBatch(unsigned int count, const char* const tags[], const pParamList params[],
                     const pDataList data[], pDataList out[], int codes[]) {
  forget_errors();
  return aigesGoExecBatch(count, (char**)tags, (pParamList*)params, (pDataList*)data, out, codes);
}
const void* wrapperCreate(const char* tag, pParamList params, wrapperCallback callback,
                          unsigned int ids[], int count, int* code) {
  forget_errors();
  return (const void*)(uintptr_t)aigesGoOpen((char*)tag, params, callback, ids, count, code);
}
int wrapperWrite(const void* handle, pDataList data) {
  forget_errors();
  return aigesGoWrite((uintptr_t)handle, data);
}
int wrapperDestroy(const void* handle) { return aigesGoDestroy((uintptr_t)handle); }
// Sessions answer by their callback. Older loaders of this ABI want these two all the same.
int wrapperRead(const void* handle, pDataList* out) {
  (void)handle, (void)out;
  forget_errors();
  return aigesGoNotThere();
}
const char* wrapperDebugInfo(const void* handle) {
  (void)handle;
  return "";
}
int wrapperLoadRes(pDataList data, unsigned int number) {
  forget_errors();
  return aigesGoLoad(data, number);
}
int wrapperUnloadRes(unsigned int number) {
  forget_errors();
  return aigesGoUnload(number);
}

// --- A crash in C. ---

// Go's runtime takes the signals of faults, and makes a panic of those in Go. Those in C it gives
// to who had them before. Without anybody it would end the process with exit code 2; so the process
// is killed by the signal itself, at the place of the fault, as one without Go.
static void die_of(int signal_number, siginfo_t* info, void* context) {
  (void)context;
  char line[96];
  const int size = snprintf(line, sizeof(line), "aiges: signal %d in C code, at address %p\n",
                            signal_number, info->si_addr);
  if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0) return;
  signal(signal_number, SIG_DFL);
  if (info->si_code <= 0) raise(signal_number);  // Sent, not a fault that comes again.
}

// Before the runtime starts, which is a constructor, too.
__attribute__((constructor(101))) static void watch_faults(void) {
  static const int kFaults[] = {SIGSEGV, SIGBUS, SIGFPE};
  for (size_t i = 0; i < sizeof(kFaults) / sizeof(kFaults[0]); ++i) {
    struct sigaction now;
    if (sigaction(kFaults[i], NULL, &now) != 0 || now.sa_handler != SIG_DFL) continue;
    struct sigaction wanted;
    memset(&wanted, 0, sizeof(wanted));
    wanted.sa_sigaction = &die_of;
    wanted.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(kFaults[i], &wanted, NULL);
  }
}
