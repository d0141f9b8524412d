#include "wrapper/convert.h"

#include <cstring>
#include <memory>

#include "wrapper/py_error.h"

namespace aiges::shim {
namespace {

// Below, copying is cheaper than taking the GIL once more to give the object back.
constexpr Py_ssize_t kCopyBelow = 16 * 1024;
constexpr Py_ssize_t kLongest = 0x7fff0000;  // DataList.len, and a frame, cannot hold more.
constexpr const char* kNoUtf8 = "this str has lone surrogates, so no UTF-8 form";

std::string WrongType(PyObject* value) {
  return std::string("expected bytes or str, got ") + Py_TYPE(value)->tp_name;
}

// Of a str with the surrogates that TextToStr makes. Null, no exception set: it has others.
Ref EscapedUtf8(PyObject* text) {
  Ref bytes = Ref::Steal(PyUnicode_AsEncodedString(text, "utf-8", "surrogateescape"));
  if (!bytes) PyErr_Clear();
  return bytes;
}

}  // namespace

Ref TextToStr(const char* text) {
  if (text == nullptr) text = "";
  return Ref::Steal(
      PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(std::strlen(text)), "surrogateescape"));
}

Ref ParamsToDict(const ParamList* head) {
  Ref dict = Ref::Steal(PyDict_New());
  for (const ParamList* p = head; p != nullptr && dict; p = p->next) {
    if (p->key == nullptr) continue;
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
  if (PyBytes_Check(value)) {
    bytes = Ref::Borrow(value);
  } else if (PyUnicode_Check(value)) {
    Py_ssize_t size = 0;
    if (const char* utf8 = PyUnicode_AsUTF8AndSize(value, &size)) {
      text->assign(utf8, static_cast<size_t>(size));
      return true;
    }
    PyErr_Clear();
    bytes = EscapedUtf8(value);
  } else {
    *what = WrongType(value);
    return false;
  }
  if (!bytes) {
    *what = kNoUtf8;
    return false;
  }
  text->assign(PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get())));
  return true;
}

std::string ResultList::Add(std::string key, PyObject* data, int type, int status) {
  Node& node = nodes_.emplace_back();
  node.key = std::move(key);
  const char* bytes = nullptr;
  Py_ssize_t length = 0;
  Ref holder = Ref::Borrow(data);
  if (PyUnicode_Check(data)) {
    bytes = PyUnicode_AsUTF8AndSize(data, &length);
    if (bytes == nullptr) {
      PyErr_Clear();
      holder = EscapedUtf8(data);
      if (!holder) return kNoUtf8;
    }
  } else if (!PyBytes_Check(data)) {  // bytearray, memoryview, numpy array: any with a buffer.
    if (PyObject_CheckBuffer(data) == 0) return WrongType(data);
    holder = Ref::Steal(PyBytes_FromObject(data));
    if (!holder) return TakePythonError();
  }
  if (bytes == nullptr) {
    bytes = PyBytes_AS_STRING(holder.get());
    length = PyBytes_GET_SIZE(holder.get());
  }
  if (length > kLongest) return "longer than 2 GiB";
  if (length < kCopyBelow) {
    node.small.assign(bytes, static_cast<size_t>(length));
    bytes = node.small.data();
  } else {
    node.large = holder.release();
  }
  node.data.key = node.key.data();
  node.data.data = const_cast<char*>(bytes);
  node.data.len = static_cast<unsigned>(length);
  node.data.type = static_cast<DataType>(type);
  node.data.status = static_cast<DataStatus>(status);
  return "";
}

void ResultList::Take(ResultList* other) {
  // Nodes of a deque stay where they are, but a moved std::string may not: point anew.
  for (Node& node : other->nodes_) {
    Node& taken = nodes_.emplace_back();
    taken.data = node.data;
    const bool small = node.large == nullptr;
    taken.key = std::move(node.key);
    taken.small = std::move(node.small);
    taken.large = std::exchange(node.large, nullptr);
    taken.data.key = taken.key.data();
    if (small) taken.data.data = taken.small.data();
    taken.data.desc = nullptr;
    for (auto& [key, value] : node.desc_text) AddDesc(std::move(key), std::move(value));
  }
  other->nodes_.clear();
}

void ResultList::SetStatus(int status) {
  for (Node& node : nodes_) node.data.status = static_cast<DataStatus>(status);
}

void ResultList::AddDesc(std::string key, std::string value) {
  Node& node = nodes_.back();
  auto& text = node.desc_text.emplace_back(std::move(key), std::move(value));
  ParamList& p = node.desc.emplace_back();
  p.key = text.first.data();
  p.value = text.second.data();
  p.vlen = static_cast<unsigned>(text.second.size());
  if (node.desc.size() > 1) node.desc[node.desc.size() - 2].next = &p;
  node.data.desc = &node.desc.front();
}

// What the host holds: its first node, which leads back to the rest.
struct ResultList::Head {
  DataList first;
  ResultList* list;
};

pDataList ResultList::Release(ResultList* list) {
  std::unique_ptr<ResultList> owned(list);
  if (list->nodes_.empty()) return nullptr;
  for (size_t i = 0; i + 1 < list->nodes_.size(); ++i) {
    list->nodes_[i].data.next = &list->nodes_[i + 1].data;
  }
  return &(new Head{list->nodes_.front().data, owned.release()})->first;
}

void ResultList::Free(pDataList head) {
  if (head == nullptr) return;
  std::unique_ptr<Head> owned(reinterpret_cast<Head*>(head));
  delete owned->list;
}

ResultList::~ResultList() {
  bool any = false;
  for (const Node& node : nodes_) any = any || node.large != nullptr;
  if (!any) return;
  const Gil gil;
  for (Node& node : nodes_) Py_XDECREF(node.large);
}

}  // namespace aiges::shim
