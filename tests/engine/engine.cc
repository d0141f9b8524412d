// tests/engine/engine.cc: a libwrapper.so that can do everything the C ABI has, as its config and
// its parameters say. Built twice: with and without wrapperRead (an engine without it answers by
// callback).
//
// Sessions: what is written comes back, piece by piece, in upper case. "items" = N: after the end
// of the input N numbered items follow. "create" = fail, "write" = fail, "read" = fail: code 7.
// Once calls: wrapperExec and wrapperExecAsync answer with the data in upper case; "delay_ms"
// waits first, "answers" = N calls back N times; wrapperExecBatch answers with the batch's size,
// and fails the call whose data is "bad".
// Meter: "destroyed" counts wrapperDestroy, "refused" counts callbacks that were not taken.

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "aiges/wrapper.h"

namespace {

wrapperMeterCustom g_meter = nullptr;
wrapperCallState g_state = nullptr;

std::string Find(const ParamList* list, const char* key, const char* otherwise = "") {
  for (; list != nullptr; list = list->next) {
    if (list->key != nullptr && std::strcmp(list->key, key) == 0) return list->value;
  }
  return otherwise;
}

int Number(const ParamList* list, const char* key) {
  return std::atoi(Find(list, key, "0").c_str());
}

struct Item {
  DataList node{};
  std::string text, key = "out";
};

Item* MakeItem(std::string text, DataStatus status) {
  auto* item = new Item;
  item->text = std::move(text);
  item->node.key = item->key.data();
  item->node.data = item->text.data();
  item->node.len = static_cast<unsigned>(item->text.size());
  item->node.status = status;
  return item;
}

std::string Upper(const DataList* data) {
  std::string out;
  for (; data != nullptr; data = data->next) {
    if (data->data != nullptr) out.append(static_cast<const char*>(data->data), data->len);
  }
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

void Deliver(wrapperCallback callback, const std::string& tag, std::string text,
             DataStatus status) {
  Item* item = MakeItem(std::move(text), status);
  if (callback(tag.c_str(), &item->node, 0) != 0 && g_meter != nullptr) {
    g_meter(tag.c_str(), "refused", 1);
  }
  delete item;
}

struct Session {
  std::string tag, write, read;
  int items = 0;
  wrapperCallback callback = nullptr;
  std::thread thread;
  std::deque<Item*> ready;
  Item* given = nullptr;  // By the last Read.
};

}  // namespace

extern "C" {

int wrapperSetCtrl(CtrlType type, void* function) {
  if (type == CTMeterCustom) g_meter = reinterpret_cast<wrapperMeterCustom>(function);
  if (type == CTCallState) g_state = reinterpret_cast<wrapperCallState>(function);
  return 0;
}
int wrapperInit(pConfig) { return 0; }
int wrapperFini() { return 0; }
const char* wrapperError(int code) { return code == 7 ? "seven" : "other"; }

const void* wrapperCreate(const char* tag, pParamList params, wrapperCallback callback, unsigned*,
                          int, int* error) {
  if (Find(params, "create") == "fail") {
    *error = 7;
    return nullptr;
  }
  auto* session = new Session;
  session->tag = tag;
  session->write = Find(params, "write");
  session->read = Find(params, "read");
  session->items = Number(params, "items");
  session->callback = callback;
  return session;
}

int wrapperWrite(const void* handle, pDataList data) {
  auto* s = static_cast<Session*>(const_cast<void*>(handle));
  if (s->write == "fail") return 7;
  if (s->write == "exit") std::_Exit(3);
  const bool end = data->status == DataEnd || data->status == DataOnce;
  const bool last = end && s->items == 0;
  if (s->callback == nullptr) {
    s->ready.push_back(MakeItem(Upper(data), last ? DataEnd : DataContinue));
    for (int i = 1; end && i <= s->items; ++i) {
      s->ready.push_back(MakeItem(std::to_string(i), i == s->items ? DataEnd : DataContinue));
    }
    return 0;
  }
  Deliver(s->callback, s->tag, Upper(data), last ? DataEnd : DataContinue);
  if (!end || last) return 0;
  s->thread = std::thread([s] {
    for (int i = 1; i <= s->items; ++i) {
      Deliver(s->callback, s->tag, std::to_string(i), i == s->items ? DataEnd : DataContinue);
    }
  });
  return 0;
}

#ifndef WITHOUT_READ
int wrapperRead(const void* handle, pDataList* out) {
  auto* s = static_cast<Session*>(const_cast<void*>(handle));
  if (s->read == "fail") return 7;
  delete s->given;
  s->given = nullptr;
  if (s->ready.empty()) return 0;
  s->given = s->ready.front();
  s->ready.pop_front();
  *out = &s->given->node;
  return 0;
}
#endif

int wrapperDestroy(const void* handle) {
  auto* s = static_cast<Session*>(const_cast<void*>(handle));
  if (s->thread.joinable()) s->thread.join();
  if (g_meter != nullptr) g_meter(s->tag.c_str(), "destroyed", 1);
  for (Item* item : s->ready) delete item;
  delete s->given;
  delete s;
  return 0;
}

int wrapperExec(const char* tag, pParamList params, pDataList data, pDataList* out, unsigned*,
                int) {
  if (Find(params, "until") == "cancelled") {
    while (g_state(tag, nullptr) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    g_meter(tag, "saw_cancel", 1);
  }
  *out = &MakeItem(Upper(data), DataOnce)->node;
  return 0;
}

int wrapperExecFree(const char*, pDataList* out) {
  delete reinterpret_cast<Item*>(*out);  // The node is its first member.
  return 0;
}

int wrapperExecAsync(const char* tag, pParamList params, pDataList data, wrapperCallback callback,
                     int, unsigned*, int) {
  if (Find(params, "exec") == "fail") return 7;
  std::thread([name = std::string(tag), text = Upper(data), delay = Number(params, "delay_ms"),
               answers = std::max(Number(params, "answers"), 1), callback] {
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    for (int i = 0; i < answers; ++i) Deliver(callback, name, text, DataOnce);
  }).detach();
  return 0;
}

int wrapperExecBatch(unsigned count, const char* const*, const pParamList*, const pDataList data[],
                     pDataList out[], int codes[]) {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  for (unsigned i = 0; i < count; ++i) {
    codes[i] = Upper(data[i]) == "BAD" ? 7 : 0;
    if (codes[i] == 0) out[i] = &MakeItem(std::to_string(count), DataOnce)->node;
  }
  return 0;
}

}  // extern "C"
