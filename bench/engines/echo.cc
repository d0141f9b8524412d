// SPDX-License-Identifier: Apache-2.0
// bench/engines/echo.cc: an engine in C++ that answers with what it gets, as those in Go and Rust
// beside it do: what it keeps beyond the call it copies.

#include <string>
#include <vector>

#include "aiges/wrapper.h"

namespace {

struct Answer {
  DataList head{};  // First: the host gives its address back.
  std::vector<std::string> texts;
  std::vector<DataList> rest;
};

}  // namespace

extern "C" {

int wrapperInit(pConfig) { return 0; }

int wrapperExec(const char*, pParamList, pDataList reqData, pDataList* respData, unsigned*, int) {
  size_t count = 0;
  for (const DataList* each = reqData; each != nullptr; each = each->next) ++count;
  auto* answer = new Answer;
  answer->texts.reserve(2 * count);
  answer->rest.reserve(count);
  DataList* last = nullptr;
  for (const DataList* each = reqData; each != nullptr; each = each->next) {
    DataList node = *each;
    node.key = answer->texts.emplace_back(each->key == nullptr ? "" : each->key).data();
    node.data = answer->texts.emplace_back(static_cast<const char*>(each->data), each->len).data();
    node.desc = nullptr;
    node.next = nullptr;
    DataList* place = &answer->head;
    if (last == nullptr) {
      answer->head = node;
    } else {
      place = &answer->rest.emplace_back(node);
      last->next = place;
    }
    last = place;
  }
  *respData = &answer->head;
  return 0;
}

int wrapperExecFree(const char*, pDataList* respData) {
  delete reinterpret_cast<Answer*>(*respData);
  *respData = nullptr;
  return 0;
}

}  // extern "C"
