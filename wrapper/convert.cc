// SPDX-License-Identifier: Apache-2.0
#include "wrapper/convert.h"

#include <cstring>
#include <memory>

#include "wrapper/call_context.h"
#include "wrapper/lent_input.h"
#include "wrapper/py_error.h"

namespace aiges::shim {
namespace {

// Below, copying is cheaper than taking the GIL once more to give the object back.
constexpr size_t kCopyBelow = 16 * 1024;
constexpr size_t kLongest = 0x7fff0000;  // DataList.len, and a frame, cannot hold more.
constexpr const char* kNoUtf8 = "this str has lone surrogates, so no UTF-8 form";
constexpr const char* kHasNul = "expected text without NUL characters, where it would be cut";

std::string WrongType(PyObject* value) {
  return std::string("expected bytes or str, got ") + Py_TYPE(value)->tp_name;
}

// Whether what has this format (PEP 3118) has addresses in it: 'O', of Python objects, and the
// pointers of ctypes. Names of fields stand between colons.
bool HoldsAddresses(const char* format) {
  for (const char* at = format == nullptr ? "" : format; *at != '\0'; ++at) {
    if (*at == ':') {
      at = std::strchr(at + 1, ':');
      if (at == nullptr) return false;
    } else if (*at == 'Z' && at[1] != '\0' && std::strchr("efdg", at[1]) != nullptr) {
      ++at;  // A complex number; alone a wchar_t*.
    } else if (std::strchr("OPXZz&", *at) != nullptr) {
      return true;
    }
  }
  return false;
}

// Of a str with the surrogates that TextToStr makes. Null, no exception set: it has others.
Ref EscapedUtf8(PyObject* text) {
  Ref bytes = Ref::Steal(PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape"));
  if (!bytes) PyErr_Clear();
  return bytes;
}

}  // namespace

Ref ToBytes(std::string_view text) {
  return Ref::Steal(PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

Ref Latin1ToStr(std::string_view text) {
  return Ref::Steal(
      PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

Ref TextToStr(const char* text) {
  if (text == nullptr) text = "";
  return Ref::Steal(
      PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(std::strlen(text)), "surrogateescape"));
}

Ref ParamsToDict(const ParamList* head) {
  Ref dict = Ref::Steal(PyDict_New());
  for (const ParamList* p = head; p != nullptr && dict; p = p->next) {
    if (p->key == nullptr || std::strcmp(p->key, kCallerParam) == 0) continue;
    const Ref key = TextToStr(p->key);
    const Ref value = TextToStr(p->value);
    if (!key || !value || PyDict_SetItem(dict.get(), key.get(), value.get()) != 0) return Ref();
  }
  return dict;
}

Ref DataToBytes(const DataList& node) {
  return Ref::Steal(PyBytes_FromStringAndSize(static_cast<const char*>(node.data),
                                              static_cast<Py_ssize_t>(node.len)));
}

bool ToText(PyObject* value, std::string* text, std::string* what) {
  Ref bytes;
  const char* utf8 = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_Check(value)) {
    bytes = Ref::Borrow(value);
  } else if (PyUnicode_Check(value)) {
    utf8 = PyUnicode_AsUTF8AndSize(value, &size);
    if (utf8 == nullptr) {
      PyErr_Clear();
      bytes = EscapedUtf8(value);
      if (!bytes) *what = kNoUtf8;
    }
  } else {
    *what = WrongType(value);
  }
  if (utf8 == nullptr && !bytes) return false;
  if (utf8 == nullptr) utf8 = PyBytes_AS_STRING(bytes.get()), size = PyBytes_GET_SIZE(bytes.get());
  text->assign(utf8, static_cast<size_t>(size));
  if (text->find('\0') == std::string::npos) return true;
  *what = kHasNul;
  return false;
}

Ref BufferToBytes(PyObject* value, std::string* what) {
  const std::string name = Py_TYPE(value)->tp_name;
  const std::string mend = "; convert it first, as with .astype(..), or send it as JSON";
  Py_buffer view;
  if (PyObject_GetBuffer(value, &view, PyBUF_FULL_RO) != 0) {
    *what = "this " + name + " gives no bytes (" + TakeQuietly() + ")" + mend;
    return Ref();
  }
  Ref bytes;
  if (HoldsAddresses(view.format)) {
    *what = "this " + name + " holds addresses of objects (format '" + view.format +
            "'), not their values" + mend;
  } else {
    bytes = Ref::Steal(PyBytes_FromStringAndSize(nullptr, view.len));
    char* room = bytes ? PyBytes_AS_STRING(bytes.get()) : nullptr;
    if (!bytes || PyBuffer_ToContiguous(room, &view, view.len, 'C') != 0) {
      bytes = Ref();
      *what = "this " + name + " gives no bytes (" + TakeQuietly() + ")";
    }
  }
  PyBuffer_Release(&view);
  return bytes;
}

std::string ResultList::Add(std::string key, PyObject* data, int type, int status) {
  const char* bytes = nullptr;
  Py_ssize_t length = 0;
  Ref holder = Ref::Borrow(data);
  if (PyUnicode_Check(data)) {  // Of which Python keeps the UTF-8.
    bytes = PyUnicode_AsUTF8AndSize(data, &length);
    if (bytes == nullptr) {
      PyErr_Clear();
      holder = EscapedUtf8(data);
      if (!holder) return kNoUtf8;
    }
  } else if (!PyBytes_Check(data)) {  // bytearray, memoryview, numpy array: any with a buffer.
    if (PyObject_CheckBuffer(data) == 0) return WrongType(data);
    std::string what;
    holder = BufferToBytes(data, &what);
    if (!holder) return what;
  }
  if (bytes == nullptr) {
    bytes = PyBytes_AS_STRING(holder.get());
    length = PyBytes_GET_SIZE(holder.get());
  }
  return AddHeld(std::move(key), std::move(holder), {bytes, static_cast<size_t>(length)}, type,
                 status);
}

std::string ResultList::AddHeld(std::string key, Ref holder, std::string_view bytes, int type,
                                int status) {
  if (bytes.size() > kLongest) return "longer than 2 GiB";
  if (++count_ > kMostItems) {
    return "expected at most " + std::to_string(kMostItems) + " items in an answer, got more";
  }
  const bool small = bytes.size() < kCopyBelow;
  const bool fixed = PyBytes_Check(holder.get()) || PyUnicode_Check(holder.get());
  if (!small && snapshots_ && !fixed) {
    holder = ToBytes(bytes);
    if (!holder) return TakeQuietly();
    bytes = {PyBytes_AS_STRING(holder.get()), bytes.size()};
  }
  last_ = nodes_.emplace_after(last_);
  Node& node = *last_;
  node.name = std::move(key);
  if (small) {
    node.small.assign(bytes);
    bytes = node.small;
  } else {
    node.large = holder.release();
  }
  node.key = node.name.data();
  node.data = const_cast<char*>(bytes.data());
  node.len = static_cast<unsigned>(bytes.size());
  node.type = static_cast<DataType>(type);
  node.status = static_cast<DataStatus>(status);
  return "";
}

void ResultList::Take(ResultList* other) {
  if (other->empty()) return;
  const Nodes::iterator last = other->last_;
  nodes_.splice_after(last_, other->nodes_);
  last_ = last;
  other->last_ = other->nodes_.before_begin();
  count_ += std::exchange(other->count_, 0);
}

void ResultList::SetStatus(int status) {
  for (Node& node : nodes_) node.status = static_cast<DataStatus>(status);
}

void ResultList::AddDesc(std::string key, std::string value) {
  Node& node = *last_;
  const auto before = std::exchange(node.last, node.attributes.emplace_after(node.last));
  Attribute& added = *node.last;
  added.name = std::move(key);
  added.text = std::move(value);
  static_cast<ParamList&>(added) = {added.name.data(), added.text.data(),
                                    static_cast<unsigned>(added.text.size()), nullptr};
  (node.desc == nullptr ? node.desc : before->next) = &added;
}

pDataList ResultList::Release(ResultList* list) {
  std::unique_ptr<ResultList> owned(list);
  if (list->nodes_.empty()) return nullptr;
  Node* before = nullptr;
  for (Node& node : list->nodes_) {
    if (before != nullptr) before->next = &node;
    before = &node;
  }
  list->nodes_.front().list = owned.release();
  return &list->nodes_.front();
}

void ResultList::Free(pDataList head) {
  if (head != nullptr) delete static_cast<Node*>(head)->list;
}

Ref ResultList::Lend(const DataList& node) {
  Ref lent = lends_ ? LendInput(node) : Ref();
  if (lent) lent_.push_back(Ref::Borrow(lent.get()).release());
  return lent;
}

ResultList::~ResultList() {
  bool any = !lent_.empty();
  for (const Node& node : nodes_) any = any || node.large != nullptr;
  if (!any) return;
  const Gil gil;
  for (Node& node : nodes_) Py_XDECREF(node.large);
  for (PyObject* lent : lent_) EndLoan(lent);  // After what is a view of it.
}

}  // namespace aiges::shim
