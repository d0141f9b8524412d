// SPDX-License-Identifier: Apache-2.0
// A host without processes: threads that call the plugin's functions as a worker's do.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aiges/wrapper.h"

enum { kThreads = 8, kCalls = 200, kAsync = (kThreads + 1) * kCalls / 4 };

static _Atomic long g_taken, g_metered, g_failed;
static _Atomic int g_over;  // What wrapperCallState says of every call.

static int on_callback(const void* tag, pDataList data, int code) {
  (void)tag;
  if (code != 0 && wrapperError(code) == NULL) return -1;
  if (code == 0 && data->len != 5) return -1;
  atomic_fetch_add(&g_taken, 1);
  return 0;
}
static int on_meter(const char* tag, const char* key, int count) {
  if (strlen(tag) > 0 && strcmp(key, "words") == 0) atomic_fetch_add(&g_metered, count);
  return 0;
}
static int on_state(const char* tag, long long* left) {
  (void)tag;
  if (left != NULL) *left = 1000;
  return atomic_load(&g_over);
}

static void once(const char* tag, const char* how, pDataList data) {
  struct ParamList params = {"do", (char*)how, (unsigned)strlen(how), NULL};
  pDataList out = NULL;
  const int code = wrapperExec(tag, &params, data, &out, NULL, 0);
  if (code != 0) {
    if (strlen(wrapperError(code)) > 0 && wrapperErrorClass(code) >= 0)
      atomic_fetch_add(&g_failed, 1);
    return;
  }
  wrapperExecFree(tag, &out);
}

static void session(const char* tag, pDataList data) {
  struct ParamList params = {NULL, NULL, 0, NULL};
  int code = 0;
  const void* handle = wrapperCreate(tag, &params, &on_callback, NULL, 0, &code);
  if (handle == NULL) return;
  wrapperWrite(handle, data);
  wrapperDestroy(handle);
}

static void* run(void* number) {
  char bytes[] = "bytes";
  struct DataList data = {"text", bytes, 5, DataText, DataOnce, NULL, NULL};
  for (int i = 0; i < kCalls; ++i) {
    char tag[32];
    snprintf(tag, sizeof(tag), "%ld-%d", (long)number, i);
    once(tag, i % 7 == 3 ? "fail" : i % 7 == 5 ? "panic" : "upper", &data);
    struct ParamList params = {NULL, NULL, 0, NULL};
    if (i % 4 == 0) wrapperExecAsync(tag, &params, &data, &on_callback, 1000, NULL, 0);
    if (i % 4 == 2) session(tag, &data);
  }
  return NULL;
}

// Out: what went wrong; NULL: nothing.
const char* drive(void) {
  struct ParamList config = {NULL, NULL, 0, NULL};
  wrapperSetCtrl(CTMeterCustom, (void*)&on_meter);
  wrapperSetCtrl(CTCallState, (void*)&on_state);
  if (wrapperInit(&config) != 0) return wrapperError(30002);
  pthread_t threads[kThreads];
  for (long i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, &run, (void*)i);
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  // Calls that nobody waits for any more.
  pthread_t last;
  atomic_store(&g_over, 1);
  pthread_create(&last, NULL, &run, (void*)(long)kThreads);
  pthread_join(last, NULL);
  for (int i = 0; i < 1000 && atomic_load(&g_taken) < kAsync; ++i) usleep(1000);
  wrapperFini();
  if (atomic_load(&g_failed) == 0) return "expected some calls to fail";
  if (atomic_load(&g_metered) == 0) return "expected meters";
  return atomic_load(&g_taken) >= kAsync ? NULL : "expected answers by callback";
}
