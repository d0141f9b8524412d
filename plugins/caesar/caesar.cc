// SPDX-License-Identifier: Apache-2.0
// plugins/caesar: a complete small plugin on the C ABI: shifts the letters of a text.
//
// Config: shift (default 13). Params: shift overrides it for one call. Every text payload comes
// back under its own key with the attribute "shift"; anything but text is refused with code 101.
// Shows: reading config and params, building and freeing a result list, metering, tracing, errors.

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "aiges/wrapper.h"

namespace {

constexpr int kNotText = 101;
constexpr int kBadShift = 102;

int g_shift = 13;
wrapperMeterCustom g_meter = nullptr;
wrapperTraceLog g_trace = nullptr;

// A result and everything its list points to.
struct Result {
  struct Item {
    DataList node{};
    ParamList shift{};
    std::string key, text, shift_text;
    char shift_key[6] = "shift";
  };
  std::vector<std::unique_ptr<Item>> items;
};

// The host hands back the list's head only: find the Result it belongs to.
struct Head {
  DataList first;
  Result* result;
};

bool ParseShift(const char* text, int* out) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (end == text || *end != '\0' || value < -25 || value > 25) return false;
  *out = static_cast<int>(value);
  return true;
}

const char* FindParam(pParamList list, const char* key) {
  for (; list != nullptr; list = list->next) {
    // An empty list is one node without a key.
    if (list->key != nullptr && std::strcmp(list->key, key) == 0) return list->value;
  }
  return nullptr;
}

char Shift(char c, int by) {
  const auto turn = [by](char letter, char first) {
    return static_cast<char>(first + (letter - first + by + 26) % 26);
  };
  if (c >= 'a' && c <= 'z') return turn(c, 'a');
  if (c >= 'A' && c <= 'Z') return turn(c, 'A');
  return c;
}

}  // namespace

extern "C" {

int wrapperSetCtrl(CtrlType type, void* func) {
  if (type == CTMeterCustom) g_meter = reinterpret_cast<wrapperMeterCustom>(func);
  if (type == CTTraceLog) g_trace = reinterpret_cast<wrapperTraceLog>(func);
  return 0;
}

int wrapperInit(pConfig cfg) {
  const char* shift = FindParam(cfg, "shift");
  return shift == nullptr || ParseShift(shift, &g_shift) ? 0 : kBadShift;
}

int wrapperFini() { return 0; }

const char* wrapperError(int errNum) {
  switch (errNum) {
    case kNotText:
      return "caesar: expected payloads of type text";
    case kBadShift:
      return "caesar: shift: expected an integer from -25 to 25";
    default:
      return "caesar: unknown error";
  }
}

const char* wrapperVersion() { return "caesar 1.0"; }

int wrapperExec(const char* usrTag, pParamList params, pDataList reqData, pDataList* respData,
                unsigned int[], int) {
  int shift = g_shift;
  const char* wanted = FindParam(params, "shift");
  if (wanted != nullptr && !ParseShift(wanted, &shift)) return kBadShift;
  auto result = std::make_unique<Result>();
  int letters = 0;
  for (pDataList in = reqData; in != nullptr; in = in->next) {
    if (in->key == nullptr) continue;
    if (in->type != DataText) return kNotText;
    auto item = std::make_unique<Result::Item>();
    item->key = in->key;
    item->text.assign(static_cast<const char*>(in->data), in->len);
    for (char& c : item->text) c = Shift(c, shift);
    letters += static_cast<int>(item->text.size());
    item->shift_text = std::to_string(shift);
    item->shift = {item->shift_key, item->shift_text.data(),
                   static_cast<unsigned>(item->shift_text.size()), nullptr};
    item->node.key = item->key.data();
    item->node.data = item->text.data();
    item->node.len = static_cast<unsigned>(item->text.size());
    item->node.type = DataText;
    item->node.status = DataOnce;
    item->node.desc = &item->shift;
    result->items.push_back(std::move(item));
  }
  for (size_t i = 0; i + 1 < result->items.size(); ++i) {
    result->items[i]->node.next = &result->items[i + 1]->node;
  }
  if (g_meter != nullptr) g_meter(usrTag, "letters", letters);
  if (g_trace != nullptr) g_trace(usrTag, "shift", std::to_string(shift).c_str());
  if (!result->items.empty()) {
    const DataList first = result->items.front()->node;
    *respData = &(new Head{first, result.release()})->first;
  }
  return 0;
}

int wrapperExecFree(const char*, pDataList* respData) {
  if (*respData == nullptr) return 0;
  const std::unique_ptr<Head> head(reinterpret_cast<Head*>(*respData));
  delete head->result;
  *respData = nullptr;
  return 0;
}

}  // extern "C"
