// SPDX-License-Identifier: Apache-2.0
// wrapper/convert.h: the linked lists of the C ABI <-> Python objects. All need the GIL.
#pragma once

#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

#include "aiges/type.h"
#include "wrapper/python_ptr.h"

namespace aiges::shim {

// dict[str, str]. Bytes that are no UTF-8 become surrogates, as with os.fsdecode.
Ref ParamsToDict(const ParamList* head);

// bytes of one payload.
Ref DataToBytes(const DataList& node);
Ref TextToStr(const char* text);
// bytes, and str whose characters are the bytes.
Ref ToBytes(std::string_view text);
Ref Latin1ToStr(std::string_view text);

// The way back, for what is a C string to the host: str as UTF-8 (surrogates of undecodable bytes
// become those bytes again), bytes as they are. False: `what` says why it cannot be; no exception
// is left set.
bool ToText(PyObject* value, std::string* text, std::string* what);

// The bytes in any buffer: bytearray, memoryview, numpy array. NULL: `what` says why there are
// none, or none that mean something elsewhere; no exception is left set.
Ref BufferToBytes(PyObject* value, std::string* what);

// Of one answer; a list of the C ABI has no more nodes.
inline constexpr size_t kMostItems = 100'000;

// A respData list for the host, made node by node; each node is one allocation, and stays where it
// is. Freed with Free, by any thread, with or without the GIL: it takes it only if it holds a
// Python object.
class ResultList {
 public:
  ResultList() = default;
  ResultList(const ResultList&) = delete;
  ResultList& operator=(const ResultList&) = delete;
  ~ResultList();

  // Copies small data, keeps a reference to large bytes.
  // Empty, or why `data` cannot be sent; no exception is left set.
  std::string Add(std::string key, PyObject* data, int type, int status);
  // The same of bytes that `holder` keeps: large ones stay there until the list is freed, unless
  // they are to be as they are now.
  std::string AddHeld(std::string key, Ref holder, std::string_view bytes, int type, int status);
  // From now on what is added may change before the list is read: by a generator that goes on.
  void TakeSnapshots() { snapshots_ = true; }
  // What the call's request has may be seen without a copy until this list is freed: the host will
  // have read the answer by then, and not have sent it. Else it is copied.
  void LendInputs() { lends_ = true; }
  // NULL without an exception: copy it.
  Ref Lend(const DataList& node);
  // One status for all that was added.
  void SetStatus(int status);
  bool empty() const { return nodes_.empty(); }
  bool full() const { return count_ > kMostItems; }  // Add has refused one more.
  size_t last_length() const { return last_->len; }  // Of the data added last.
  // visit(key, type) for each node.
  template <class Visit>
  void EachKey(Visit visit) const {
    for (const Node& node : nodes_) visit(node.name, static_cast<int>(node.type));
  }
  // Appends what is in the other, which is empty then.
  void Take(ResultList* other);
  // Attributes of the node added last.
  void AddDesc(std::string key, std::string value);

  // Ownership goes to the caller until Free. NULL when nothing was added.
  static pDataList Release(ResultList* list);
  static void Free(pDataList head);

 private:
  struct Attribute : ParamList {
    std::string name, text;
  };
  // What the host sees of it is a DataList, of which the first leads back to the list.
  struct Node : DataList {
    ResultList* list = nullptr;
    std::string name, small;
    PyObject* large = nullptr;
    std::forward_list<Attribute> attributes;
    std::forward_list<Attribute>::iterator last = attributes.before_begin();
  };
  using Nodes = std::forward_list<Node>;

  Nodes nodes_;
  Nodes::iterator last_ = nodes_.before_begin();
  size_t count_ = 0;
  bool snapshots_ = false, lends_ = false;
  std::vector<PyObject*> lent_;
};

}  // namespace aiges::shim
