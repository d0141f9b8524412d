// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/lists.h"

#include <algorithm>
#include <cstring>

#include "loader/worker/kept_input.h"

namespace aiges {
namespace {

constexpr const char* kTooLarge = "the engine's result is larger than 2 GiB";
// Bounds of what a plugin gives: nothing that it hands over may hang the worker or fill its memory.
constexpr size_t kMostText = 64 * 1024;      // A key, or a value of desc.
constexpr size_t kMostBytes = 0x7fff'0000u;  // Of data.

// vlen bounds the value, which is NUL terminated as well: the shorter one is right.
std::string_view ValueOf(const ParamList& node) {
  const size_t most = node.vlen > 0 ? node.vlen : kMostText + 1;
  const char* value = node.value == nullptr ? "" : node.value;
  return {value, ::strnlen(value, std::min(most, kMostText + 1))};
}

size_t LengthOf(const DataList& node) { return node.data == nullptr ? 0 : node.len; }

// A plugin's enum may hold any int, which C++ must not load as the enum.
template <class Enum>
uint8_t SmallNumber(const Enum& value) {
  int number = 0;
  static_assert(sizeof value == sizeof number);
  std::memcpy(&number, &value, sizeof number);
  return number >= 0 && number < 255 ? static_cast<uint8_t>(number) : 255;
}

void WriteDesc(WireWriter& w, const ParamList* head) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (const ParamList* p = head; p != nullptr; p = p->next) {
    if (p->key != nullptr) pairs.emplace_back(TextOf(p->key), ValueOf(*p));
  }
  w.Number(static_cast<uint32_t>(pairs.size()));
  for (const auto& [key, value] : pairs) {
    w.Text(key);
    w.Text(value);
  }
}

void WriteData(WireWriter& w, const DataList& node, Arena* results) {
  const auto* bytes = static_cast<const char*>(node.data);
  const size_t length = LengthOf(node);
  if (length >= kInlineLimit) {
    uint64_t offset = 0;
    if (char* room = results->Allocate(length, &offset)) {
      std::memcpy(room, bytes, length);
      w.SharedData(offset, length);
      return;
    }
  }
  w.InlineData({bytes == nullptr ? "" : bytes, length});
}

void ReadPairs(WireReader* r, ParamNodes* nodes) {
  const uint32_t count = r->Count(10);
  nodes->Reset(count);
  for (uint32_t i = 0; i < count && r->ok(); ++i) {
    const std::string_view key = r->Text();
    nodes->Add(key, r->Text());
  }
}

// Counts what a list is made of, and finds what is wrong with it.
class ListCheck {
 public:
  explicit ListCheck(const char* whose = "the engine's result") : whose_(whose) {}
  // Empty, or what is wrong.
  std::string Check(const DataList* head) {
    for (const DataList* p = head; p != nullptr; p = p->next) {
      ++count_;
      std::string wrong = Node("list");
      if (wrong.empty()) wrong = Text(TextOf(p->key), "a key");
      if (wrong.empty() && (bytes_ += LengthOf(*p)) > kMostBytes) {
        wrong = StrCat(whose_, ": expected at most 2 GiB of data, got a list with ", bytes_,
                       " (is a len wrong?)");
      }
      if (wrong.empty()) wrong = Desc(p->desc);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }
  uint32_t count() const { return count_; }
  std::string Desc(const ParamList* head) {
    for (const ParamList* p = head; p != nullptr; p = p->next) {
      std::string wrong = Node("desc");
      if (wrong.empty()) wrong = Text(TextOf(p->key), "a key of desc");
      if (wrong.empty()) wrong = Text(ValueOf(*p), "a value of desc");
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

 private:
  std::string Node(const char* where) {
    if (++nodes_ <= kMostNodes) return "";
    return StrCat(whose_, ": its ", where, " does not end within ", kMostNodes,
                  " nodes (is it a circle?)");
  }
  std::string Text(std::string_view text, const char* what) const {
    if (text.size() <= kMostText) return "";
    return StrCat(whose_, ": expected ", what, " of at most 64 KiB, got \"", text.substr(0, 20),
                  "..\" (is its NUL missing?)");
  }

  const char* const whose_;
  uint32_t count_ = 0;
  size_t nodes_ = 0;
  uint64_t bytes_ = 0;
};

void WriteFault(WireWriter& w, const Failure& failure) {
  w.Number(failure.fault);
  w.Number(failure.error_class);
}

void WriteNodes(WireWriter& w, const DataList* head, uint32_t count, Arena* results) {
  w.Number(count);
  for (const DataList* p = head; p != nullptr; p = p->next) {
    w.Text(TextOf(p->key));
    w.Number(SmallNumber(p->type));
    w.Number(SmallNumber(p->status));
    WriteDesc(w, p->desc);
    WriteData(w, *p, results);
  }
}

}  // namespace

std::string_view TextOf(const char* text) {
  return text == nullptr ? std::string_view()
                         : std::string_view(text, ::strnlen(text, kMostText + 1));
}

void ParamNodes::Reset(size_t count) {
  used_ = 0;
  nodes_.assign(count == 0 ? 1 : count, ParamList{});
}

void ParamNodes::Add(std::string_view key, std::string_view value) {
  ParamList& node = nodes_[used_];
  node.key = const_cast<char*>(key.data());
  node.value = const_cast<char*>(value.data());
  node.vlen = static_cast<unsigned>(value.size());
  if (used_ > 0) nodes_[used_ - 1].next = &node;
  ++used_;
}

bool DataInput::Read(WireReader* r, const ArenaMapping& requests) {
  const uint32_t count = r->Count(11);
  own.clear();
  nodes.assign(count == 0 ? 1 : count, DataList{});
  if (desc.size() < nodes.size()) desc.resize(nodes.size());
  for (uint32_t i = 0; i < count && r->ok(); ++i) {
    DataList& node = nodes[i];
    node.key = const_cast<char*>(r->Text().data());
    const auto type = r->Number<uint8_t>(), status = r->Number<uint8_t>();
    if (type > DataPer || status > DataOnce) return false;
    node.type = static_cast<::DataType>(type);
    node.status = static_cast<::DataStatus>(status);
    ReadPairs(r, &desc[i]);
    node.desc = desc[i].head();
    std::string_view bytes;
    if (r->Number<DataPlace>() == DataPlace::kInline) {
      bytes = r->Text();
    } else {
      const auto offset = r->Number<uint64_t>();
      bytes = requests.View(offset, r->Number<uint64_t>());
      if (bytes.data() == nullptr) return false;
      if (GetKeptInput().Hides(bytes)) {
        const size_t size = bytes.size();
        bytes = own.emplace_back(GetKeptInput().Read(bytes));
        if (bytes.size() != size) return false;
      }
    }
    node.data = const_cast<char*>(bytes.data());
    node.len = static_cast<unsigned>(bytes.size());
    if (i > 0) nodes[i - 1].next = &node;
  }
  return r->AtEnd();
}

void CallInput::ReadHead(WireReader* r) {
  usr_tag = r->Text();
  ReadPairs(r, &params);
  psr_ids.clear();
  for (uint32_t i = r->Count(4); i > 0; --i) psr_ids.push_back(r->Number<uint32_t>());
}

bool CallInput::ParseExec(std::string_view body, const ArenaMapping& requests) {
  WireReader r(body);
  deadline_ns = r.Number<int64_t>();
  ReadHead(&r);
  return data.Read(&r, requests);
}

bool CallInput::ParseCreate(std::string_view body, uint32_t* credit) {
  WireReader r(body);
  ReadHead(&r);
  *credit = r.Number<uint32_t>();
  return r.AtEnd();
}

std::string WriteResult(std::string* out, uint64_t call, const CallCost& cost, const DataList* head,
                        Arena* results) {
  ListCheck list;
  std::string wrong = list.Check(head);
  if (wrong.empty()) {
    WireWriter w(out);
    w.Begin(FrameType::kResult, call);
    WriteFault(w, {});
    w.Number(cost.engine_ns);
    w.Number(cost.batch);
    w.Text("");
    WriteNodes(w, head, list.count(), results);
    if (w.End()) return "";
    wrong = kTooLarge;
  }
  WriteFailure(out, call, cost, {Fault::kMalformed, wrong});
  return wrong;
}

void WriteFailure(std::string* out, uint64_t call, const CallCost& cost, const Failure& failure) {
  WireWriter w(out);
  w.Begin(FrameType::kResult, call);
  WriteFault(w, failure);
  w.Number(cost.engine_ns);
  w.Number(cost.batch);
  w.Text(failure.text);
  w.Number(uint32_t{0});
  w.Text(failure.detail);
  w.End();
}

std::string WriteItem(std::string* out, uint64_t session, bool last, const DataList* head,
                      Arena* results) {
  ListCheck list;
  std::string wrong = list.Check(head);
  if (!wrong.empty()) return wrong;
  WireWriter w(out);
  w.Begin(FrameType::kItem, session);
  WriteFault(w, {});
  w.Number(static_cast<uint8_t>(last));
  w.Text("");
  WriteNodes(w, head, list.count(), results);
  return w.End() ? "" : kTooLarge;
}

std::string WriteDoorPart(std::string* out, uint64_t call, const DataList* part, Arena* results) {
  ListCheck list;
  std::string wrong = list.Check(part);
  if (!wrong.empty()) return wrong;
  WireWriter w(out);
  w.Begin(FrameType::kDoorOut, call);
  WriteNodes(w, part, list.count(), results);
  return w.End() ? "" : kTooLarge;
}

std::string WriteCall(std::string* out, uint64_t id, const CallOut& call, Arena* results) {
  ListCheck list("the request to another model");
  // A list of one node of NULLs has nothing in it.
  const DataList* data =
      call.data != nullptr && call.data->key == nullptr && call.data->data == nullptr ? nullptr
                                                                                      : call.data;
  std::string wrong = list.Check(data);
  if (wrong.empty()) wrong = list.Desc(call.params);
  if (!wrong.empty()) return wrong;
  WireWriter w(out);
  w.Begin(FrameType::kCall, id);
  w.Number(static_cast<uint32_t>(call.callers.size()));
  for (const uint64_t caller : call.callers) w.Number(caller);
  w.Number(call.deadline_ns);
  w.Number(call.credit);
  w.Text(TextOf(call.model));
  w.Text(TextOf(call.version));
  WriteDesc(w, call.params);
  WriteNodes(w, data, list.count(), results);
  return w.End() ? "" : "the request to another model is larger than 2 GiB";
}

void WriteItemFailure(std::string* out, uint64_t session, const Failure& failure) {
  WireWriter w(out);
  w.Begin(FrameType::kItem, session);
  WriteFault(w, failure);
  w.Number(uint8_t{1});
  w.Text(failure.text);
  w.Number(uint32_t{0});
  w.Text(failure.detail);
  w.End();
}

}  // namespace aiges
