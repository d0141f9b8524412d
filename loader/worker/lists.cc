#include "loader/worker/lists.h"

#include <cstring>

namespace aiges {
namespace {

// A plugin that links a list into a circle must not hang the worker.
constexpr size_t kMostNodes = 100'000;
constexpr const char* kTooLarge = "the engine's result is larger than 2 GiB";

std::string_view OrEmpty(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

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
  size_t nodes = 0;
  for (const ParamList* p = head; p != nullptr && nodes < kMostNodes; p = p->next, ++nodes) {
    if (p->key == nullptr) continue;
    // vlen bounds the value, which is NUL terminated as well: the shorter one is right.
    const std::string_view value = OrEmpty(p->value);
    pairs.emplace_back(p->key, p->vlen > 0 ? value.substr(0, p->vlen) : value);
  }
  w.Number(static_cast<uint32_t>(pairs.size()));
  for (const auto& [key, value] : pairs) {
    w.Text(key);
    w.Text(value);
  }
}

void WriteData(WireWriter& w, const DataList& node, Arena* results) {
  const auto* bytes = static_cast<const char*>(node.data);
  const size_t length = bytes == nullptr ? 0 : node.len;
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

// Empty, or what is wrong with the list.
std::string CountNodes(const DataList* head, uint32_t* count) {
  for (const DataList* p = head; p != nullptr; p = p->next) {
    if (++*count > kMostNodes) return "the engine's result list does not end (is it a circle?)";
  }
  return "";
}

void WriteNodes(WireWriter& w, const DataList* head, uint32_t count, Arena* results) {
  w.Number(count);
  for (const DataList* p = head; p != nullptr; p = p->next) {
    w.Text(OrEmpty(p->key));
    w.Number(SmallNumber(p->type));
    w.Number(SmallNumber(p->status));
    WriteDesc(w, p->desc);
    WriteData(w, *p, results);
  }
}

}  // namespace

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

std::string WriteResult(std::string* out, uint64_t call, const CallOutcome& outcome,
                        pDataList head, Arena* results) {
  uint32_t count = 0;
  std::string wrong = CountNodes(head, &count);
  if (wrong.empty()) {
    WireWriter w(out);
    w.Begin(FrameType::kResult, call);
    w.Number(outcome.code);
    w.Number(ResultKind::kDone);
    w.Number(outcome.engine_ns);
    w.Number(outcome.batch);
    w.Text(outcome.error);
    WriteNodes(w, head, count, results);
    if (outcome.code != 0) w.Text(outcome.detail);
    if (w.End()) return "";
    wrong = kTooLarge;
  }
  WriteRefusal(out, call, ResultKind::kMalformed, wrong);
  return wrong;
}

std::string WriteItem(std::string* out, uint64_t session, bool last, pDataList head,
                      Arena* results) {
  uint32_t count = 0;
  std::string wrong = CountNodes(head, &count);
  if (!wrong.empty()) return wrong;
  WireWriter w(out);
  w.Begin(FrameType::kItem, session);
  w.Number(int32_t{0});
  w.Number(static_cast<uint8_t>(last));
  w.Text("");
  WriteNodes(w, head, count, results);
  return w.End() ? "" : kTooLarge;
}

void WriteItemError(std::string* out, uint64_t session, int32_t code, std::string_view error,
                    std::string_view detail) {
  WireWriter w(out);
  w.Begin(FrameType::kItem, session);
  w.Number(code);
  w.Number(uint8_t{1});
  w.Text(error);
  w.Number(uint32_t{0});
  w.Text(detail);
  w.End();
}

void WriteRefusal(std::string* out, uint64_t call, ResultKind kind, std::string_view error) {
  WireWriter w(out);
  w.Begin(FrameType::kResult, call);
  w.Number(int32_t{0});
  w.Number(kind);
  w.Number(uint64_t{0});
  w.Number(uint32_t{0});
  w.Text(error);
  w.Number(uint32_t{0});
  w.End();
}

}  // namespace aiges
