// SPDX-License-Identifier: Apache-2.0
#include "wrapper/lent_input.h"

#include <atomic>
#include <cstring>

namespace aiges::shim {
namespace {

constexpr unsigned kLendFrom = 64 * 1024;

std::atomic<wrapperKeepInput> g_keep{nullptr};

struct LentInput {
  PyObject ob_base;
  const char* data;
  Py_ssize_t size;
  bool kept;
};

LentInput* Of(PyObject* object) { return reinterpret_cast<LentInput*>(object); }

int Keep(const LentInput& lent, int what) {
  const wrapperKeepInput keep = g_keep.load();
  return keep == nullptr ? -1 : keep(lent.data, static_cast<unsigned long long>(lent.size), what);
}

int GetBuffer(PyObject* self, Py_buffer* view, int flags) {
  const LentInput& lent = *Of(self);
  return PyBuffer_FillInfo(view, self, const_cast<char*>(lent.data), lent.size, /*readonly=*/1,
                           flags);
}

void Destroy(PyObject* self) {
  if (Of(self)->kept) Keep(*Of(self), WKeepEnd);
  PyObject_Free(self);
}

// NULL with an exception set.
PyTypeObject* Type() {
  static PyBufferProcs buffer{};
  static PyTypeObject type{};
  if (type.tp_name != nullptr) return &type;
  const PyVarObject head = {PyObject_HEAD_INIT(nullptr) 0};
  std::memcpy(&type, &head, sizeof head);
  buffer.bf_getbuffer = &GetBuffer;
  type.tp_basicsize = sizeof(LentInput);
  type.tp_dealloc = &Destroy;
  type.tp_as_buffer = &buffer;
  type.tp_flags = Py_TPFLAGS_DEFAULT;
  type.tp_doc = "A payload of a request in shared memory.";
  type.tp_name = "aiges_embed.RequestBytes";
  return PyType_Ready(&type) == 0 ? &type : nullptr;
}

}  // namespace

void SetKeepInput(wrapperKeepInput function) { g_keep = function; }

Ref LendInput(const DataList& node) {
  if (node.len < kLendFrom) return Ref();
  const LentInput lent{{}, static_cast<const char*>(node.data), Py_ssize_t{node.len}, false};
  if (Keep(lent, WKeepAsk) != 0) return Ref();
  PyTypeObject* type = Type();
  Ref made = Ref::Steal(type == nullptr ? nullptr : PyObject_New(PyObject, type));
  PyErr_Clear();
  if (made) {
    Of(made.get())->data = lent.data;
    Of(made.get())->size = lent.size;
    Of(made.get())->kept = false;
  }
  return made;
}

void EndLoan(PyObject* lent) {
  if (Py_REFCNT(lent) > 1) {
    Of(lent)->kept = Keep(*Of(lent), WKeepBegin) == 0;
    if (!Of(lent)->kept) {
      PySys_WriteStderr(
          "wrapper: an array of a request outlives its call, and there is no memory "
          "to keep it: its values will change\n");
    }
  }
  Py_DECREF(lent);
}

}  // namespace aiges::shim
