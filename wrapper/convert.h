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

// A respData list for the host, made node by node. Freed with Free, by any thread, with or without
// the GIL: it takes it only if it holds a Python object.
class ResultList {
 public:
  // Copies small data, keeps a reference to large bytes.
  // False: `data` is neither bytes-like nor str (an exception may be set).
  bool Add(std::string key, PyObject* data, int type, int status);
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
