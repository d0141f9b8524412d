#include "wrapper/convert.h"

#include <cstring>
#include <memory>

namespace aiges::shim {
namespace {

// Below, copying is cheaper than taking the GIL once more to give the object back.
constexpr Py_ssize_t kCopyBelow = 16 * 1024;
constexpr Py_ssize_t kLongest = 0x7fff0000;  // DataList.len, and a frame, cannot hold more.

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

bool ResultList::Add(std::string key, PyObject* data, int type, int status) {
  Node& node = nodes_.emplace_back();
  node.key = std::move(key);
  const char* bytes = nullptr;
  Py_ssize_t length = 0;
  Ref holder = Ref::Borrow(data);
  if (PyUnicode_Check(data)) {
    bytes = PyUnicode_AsUTF8AndSize(data, &length);
    if (bytes == nullptr) return false;
  } else {
    if (!PyBytes_Check(data)) {  // bytearray, memoryview, numpy array: anything with a buffer.
      if (PyObject_CheckBuffer(data) == 0) return false;
      holder = Ref::Steal(PyBytes_FromObject(data));
      if (!holder) return false;
    }
    bytes = PyBytes_AS_STRING(holder.get());
    length = PyBytes_GET_SIZE(holder.get());
  }
  if (length > kLongest) {
    PyErr_SetString(PyExc_ValueError, "a result item is longer than 2 GiB");
    return false;
  }
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
  return true;
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
  const std::unique_ptr<ResultList> list(owned->list);
  bool any = false;
  for (const Node& node : list->nodes_) any = any || node.large != nullptr;
  if (!any) return;
  const Gil gil;
  for (Node& node : list->nodes_) Py_XDECREF(node.large);
}

}  // namespace aiges::shim
