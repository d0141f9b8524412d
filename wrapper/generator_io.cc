// SPDX-License-Identifier: Apache-2.0
#include "wrapper/generator_io.h"

#include <algorithm>

#include "wrapper/items.h"

namespace aiges::shim {

void GatheredInput::See(const DataList* data) {
  for (const DataList* p = data; p != nullptr; p = p->next) {
    if (p->key == nullptr) continue;
    const bool end = p->status == DataEnd || p->status == DataOnce;
    const auto known = std::find_if(streams_.begin(), streams_.end(),
                                    [&](const auto& stream) { return stream.first == p->key; });
    if (known == streams_.end()) {
      streams_.emplace_back(p->key, end);
    } else {
      known->second = known->second || end;
    }
  }
  ended_ = !streams_.empty() && std::all_of(streams_.begin(), streams_.end(),
                                            [](const auto& stream) { return stream.second; });
}

bool GatheredInput::Add(PyObject* input) {
  if (!gathered_) gathered_ = Ref::Steal(PyList_New(0));
  return gathered_ && PyList_Append(gathered_.get(), input) == 0;
}

Ref GatheredInput::Whole() const {
  const Py_ssize_t count = PyList_GET_SIZE(gathered_.get());
  Ref whole = Ref::Borrow(PyList_GET_ITEM(gathered_.get(), 0));
  for (Py_ssize_t i = 1; i < count && whole; ++i) {
    PyObject* next = PyList_GET_ITEM(gathered_.get(), i);
    if (PyTuple_Check(whole.get()) != 0) {
      whole = Ref::Steal(PySequence_Concat(whole.get(), next));
      continue;
    }
    const Ref list = Ref::Steal(PyObject_GetAttrString(whole.get(), "list"));
    const Ref more = Ref::Steal(PyObject_GetAttrString(next, "list"));
    if (!list || !more) return Ref();
    const Ref done = Ref::Steal(PyObject_CallMethod(list.get(), "extend", "O", more.get()));
    if (!done) return Ref();
  }
  return whole;
}

std::string YieldedItems::Read(PyObject* value, ResultList* out, int* code) {
  const std::string wrong = ReadAny(value, Statuses::kOwn, out, code);
  if (!wrong.empty()) return "yielded item: " + wrong;
  if (*code == 0) Mark(out);
  return "";
}

void YieldedItems::Mark(ResultList* out) {
  if (out->empty()) return;
  out->SetStatus(std::exchange(begun_, true) ? DataContinue : DataBegin);
  out->EachKey([this](const std::string& key, int type) {
    const auto known = std::find_if(keys_.begin(), keys_.end(),
                                    [&](const auto& seen) { return seen.first == key; });
    if (known == keys_.end()) keys_.emplace_back(key, type);
  });
}

void YieldedItems::WriteEnd(ResultList* out) {
  Mark(out);
  const Ref empty = Ref::Steal(PyBytes_FromStringAndSize("", 0));
  if (keys_.empty()) keys_.emplace_back("result", DataText);
  for (const auto& [key, type] : keys_) out->Add(key, empty.get(), type, DataEnd);
}

}  // namespace aiges::shim
