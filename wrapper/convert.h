// wrapper/convert.h: the linked lists of the C ABI <-> Python objects. All need the GIL.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "aiges/type.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {

// dict[str, str]. Bytes that are no UTF-8 become surrogates, as with os.fsdecode.
Ref ParamsToDict(const ParamList* head);

// bytes of one payload.
Ref DataToBytes(const DataList& node);
Ref TextToStr(const char* text);

// The way back: str as UTF-8 (surrogates of undecodable bytes become those bytes again), bytes as
// they are. False: `what` says why it cannot be; no exception is left set.
bool ToText(PyObject* value, std::string* text, std::string* what);

// A respData list for the host, made node by node. Freed with Free, by any thread, with or without
// the GIL: it takes it only if it holds a Python object.
class ResultList {
 public:
  ResultList() = default;
  ResultList(const ResultList&) = delete;
  ResultList& operator=(const ResultList&) = delete;
  ~ResultList();

  // Copies small data, keeps a reference to large bytes.
  // Empty, or why `data` cannot be sent; no exception is left set.
  std::string Add(std::string key, PyObject* data, int type, int status);
  // One status for all that was added.
  void SetStatus(int status);
  bool empty() const { return nodes_.empty(); }
  // visit(key, type) for each node.
  template <class Visit>
  void EachKey(Visit visit) const {
    for (const Node& node : nodes_) visit(node.key, static_cast<int>(node.data.type));
  }
  // Appends what is in the other, which is empty then.
  void Take(ResultList* other);
  // Attributes of the node added last.
  void AddDesc(std::string key, std::string value);

  // Ownership goes to the caller until Free. NULL when nothing was added.
  static pDataList Release(ResultList* list);
  static void Free(pDataList head);

 private:
  struct Node {
    DataList data{};
    std::string key, small;
    std::deque<std::pair<std::string, std::string>> desc_text;
    std::deque<ParamList> desc;
    PyObject* large = nullptr;
  };
  struct Head;
  std::deque<Node> nodes_;
};

}  // namespace aiges::shim
