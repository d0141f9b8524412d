// SPDX-License-Identifier: Apache-2.0
// bench/busy/engine.cc: a plugin that works for [wrapper] us = N per call and measures how long
// that took: what the loader leaves of an engine's time is told against the engine's own clock.
//
// [wrapper] how = "spin" (the default) keeps a core busy, "sleep" none. Meters: "ns" and "calls".
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "aiges/wrapper.h"

namespace {

using std::chrono::steady_clock;

wrapperMeterCustom g_meter = nullptr;
std::chrono::nanoseconds g_time{0};
bool g_sleeps = false;
thread_local DataList t_answer;

std::string Find(const ParamList* list, const char* key) {
  for (; list != nullptr; list = list->next) {
    if (list->key != nullptr && std::strcmp(list->key, key) == 0) return list->value;
  }
  return "";
}

}  // namespace

extern "C" {

int wrapperSetCtrl(CtrlType type, void* function) {
  if (type == CTMeterCustom) g_meter = reinterpret_cast<wrapperMeterCustom>(function);
  return 0;
}
int wrapperInit(pConfig config) {
  g_time = std::chrono::microseconds(std::atoi(Find(config, "us").c_str()));
  g_sleeps = Find(config, "how") == "sleep";
  return 0;
}
int wrapperFini() { return 0; }
const char* wrapperError(int) { return "unknown error of the busy plugin"; }

// Answers with what came.
int wrapperExec(const char* tag, pParamList, pDataList data, pDataList* out, unsigned*, int) {
  const auto begin = steady_clock::now();
  if (g_sleeps) {
    std::this_thread::sleep_until(begin + g_time);
  } else {
    while (steady_clock::now() < begin + g_time) {
    }
  }
  t_answer = *data;
  t_answer.next = nullptr;
  t_answer.desc = nullptr;
  *out = &t_answer;
  const std::chrono::nanoseconds took = steady_clock::now() - begin;
  g_meter(tag, "ns", static_cast<int>(took.count()));
  g_meter(tag, "calls", 1);
  return 0;
}
int wrapperExecFree(const char*, pDataList*) { return 0; }

}  // extern "C"
