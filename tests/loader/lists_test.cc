// SPDX-License-Identifier: Apache-2.0
#include "loader/worker/lists.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "loader/channel/endpoint.h"

namespace aiges {
namespace {

class ListsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Status status;
    arena = Arena::Create("test", 8 * kBlock, &status);
    ASSERT_NE(arena, nullptr) << status.text;
    map = ArenaMapping::Map(arena->fd(), ArenaMapping::Access::kReader, false, &status);
    ASSERT_NE(map, nullptr) << status.text;
  }

  // The body of a kExec frame with two payloads, the second one in shared memory.
  std::string SampleCall() {
    uint64_t offset = 0;
    char* room = arena->Allocate(70'000, &offset);
    std::memset(room, 's', 70'000);
    std::string out;
    WireWriter w(&out);
    w.Number(int64_t{123});
    w.Text("tag");
    w.KeyValues({{"sid", "1"}, {"empty", ""}});
    w.Number(uint32_t{2});
    w.Number(uint32_t{7});
    w.Number(uint32_t{8});
    w.Number(uint32_t{2});
    Payload(&w, "text", DataText, {{"encoding", "utf8"}});
    w.InlineData("hello");
    Payload(&w, "img", DataImage, {});
    w.SharedData(offset, 70'000);
    return out;
  }
  static void Payload(WireWriter* w, std::string_view key, int type, const Pairs& desc) {
    w->Text(key);
    w->Number(static_cast<uint8_t>(type));
    w->Number(static_cast<uint8_t>(DataOnce));
    w->KeyValues(desc);
  }
  static std::string EmptyCall() {
    std::string out;
    WireWriter w(&out);
    w.Number(int64_t{0});
    w.Text("");
    for (int i = 0; i < 3; ++i) w.Number(uint32_t{0});  // No params, ids, payloads.
    return out;
  }

  std::unique_ptr<Arena> arena;
  std::shared_ptr<ArenaMapping> map;
};

TEST_F(ListsTest, CallBecomesTheListsThatThePluginSees) {
  const std::string body = SampleCall();
  CallInput call;
  ASSERT_TRUE(call.ParseExec(body, *map));
  EXPECT_EQ(call.deadline_ns, 123);
  EXPECT_STREQ(call.usr_tag.data(), "tag");
  EXPECT_EQ(call.psr_ids, (std::vector<unsigned>{7, 8}));

  const ParamList* param = call.params.head();
  EXPECT_STREQ(param->key, "sid");
  EXPECT_STREQ(param->value, "1");
  EXPECT_EQ(param->vlen, 1u);
  ASSERT_NE(param->next, nullptr);
  EXPECT_STREQ(param->next->key, "empty");
  EXPECT_STREQ(param->next->value, "");
  EXPECT_EQ(param->next->next, nullptr);

  const DataList* text = call.data.head();
  EXPECT_STREQ(text->key, "text");
  EXPECT_EQ(text->type, ::DataText);
  EXPECT_EQ(text->status, ::DataOnce);
  EXPECT_EQ(std::string_view(static_cast<char*>(text->data), text->len), "hello");
  EXPECT_STREQ(text->desc->key, "encoding");
  EXPECT_EQ(text->desc->next, nullptr);
  const DataList* image = text->next;
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(image->type, ::DataImage);
  EXPECT_EQ(image->len, 70'000u);
  EXPECT_EQ(static_cast<char*>(image->data)[69'999], 's');
  EXPECT_EQ(image->next, nullptr);
}

TEST_F(ListsTest, EmptyListsBecomeOneNodeOfNulls) {
  const std::string body = EmptyCall();
  CallInput call;
  ASSERT_TRUE(call.ParseExec(body, *map));
  EXPECT_EQ(call.params.head()->key, nullptr);
  EXPECT_EQ(call.params.head()->value, nullptr);
  EXPECT_EQ(call.params.head()->vlen, 0u);
  EXPECT_EQ(call.params.head()->next, nullptr);
  ASSERT_EQ(call.data.nodes.size(), 1u);
  EXPECT_EQ(call.data.nodes[0].key, nullptr);
  EXPECT_EQ(call.data.nodes[0].data, nullptr);
  EXPECT_EQ(call.data.nodes[0].len, 0u);
  EXPECT_EQ(call.data.nodes[0].next, nullptr);
}

TEST_F(ListsTest, PayloadWithoutDescHasOneNodeOfNullsAndEmptyDataIsNotNull) {
  std::string body = EmptyCall();
  body.resize(body.size() - 4);
  WireWriter w(&body);
  w.Number(uint32_t{1});
  Payload(&w, "k", DataText, {});
  w.InlineData("");
  CallInput call;
  ASSERT_TRUE(call.ParseExec(body, *map));
  ASSERT_NE(call.data.nodes[0].desc, nullptr);
  EXPECT_EQ(call.data.nodes[0].desc->key, nullptr);
  EXPECT_NE(call.data.nodes[0].data, nullptr);
  EXPECT_EQ(call.data.nodes[0].len, 0u);
}

TEST_F(ListsTest, NothingOfAnEarlierCallIsLeftInTheNext) {
  const std::string first = SampleCall(), second = EmptyCall();
  CallInput call;
  ASSERT_TRUE(call.ParseExec(first, *map));
  ASSERT_TRUE(call.ParseExec(second, *map));
  EXPECT_TRUE(call.psr_ids.empty());
  EXPECT_EQ(call.params.head()->key, nullptr);
  EXPECT_EQ(call.data.nodes[0].key, nullptr);
  EXPECT_EQ(call.data.nodes[0].next, nullptr);
  ASSERT_TRUE(call.ParseExec(first, *map));
  EXPECT_STREQ(call.data.nodes[0].next->key, "img");
}

TEST_F(ListsTest, TruncatedCallIsRefusedAtEveryByte) {
  const std::string body = SampleCall();
  CallInput call;
  for (size_t length = 0; length < body.size(); ++length) {
    const std::string cut = body.substr(0, length);
    EXPECT_FALSE(call.ParseExec(cut, *map)) << "cut at " << length;
  }
}

TEST_F(ListsTest, SharedDataOutOfBoundsIsRefused) {
  std::string body = EmptyCall();
  body.resize(body.size() - 4);
  WireWriter w(&body);
  w.Number(uint32_t{1});
  Payload(&w, "k", DataText, {});
  w.SharedData(7 * kBlock, kBlock + 1);
  CallInput call;
  EXPECT_FALSE(call.ParseExec(body, *map));
}

TEST_F(ListsTest, TypeOrStatusThatTheAbiDoesNotKnowIsRefused) {
  for (const auto& [type, status] : {std::pair<int, int>{5, 3}, {0, 4}, {255, 255}}) {
    std::string body = EmptyCall();
    body.resize(body.size() - 4);
    WireWriter w(&body);
    w.Number(uint32_t{1});
    w.Text("k");
    w.Number(static_cast<uint8_t>(type));
    w.Number(static_cast<uint8_t>(status));
    w.KeyValues({});
    w.InlineData("x");
    CallInput call;
    EXPECT_FALSE(call.ParseExec(body, *map));
  }
}

// What the loader would read of a result frame.
struct Result {
  struct Item {
    std::string key;
    int type, status;
    Pairs desc;
    std::string data;
    bool shared = false;
  };
  Fault fault{};
  ErrorClass error_class = ErrorClass::kOwn;
  uint64_t engine_ns = 0;
  std::string error, detail;
  std::vector<Item> items;
};

Result ReadResult(const std::string& frame, const ArenaMapping& map) {
  FrameHeader header;
  std::memcpy(&header, frame.data(), sizeof header);
  EXPECT_EQ(header.type, FrameType::kResult);
  EXPECT_EQ(header.id, 5u);
  EXPECT_EQ(header.length + sizeof header, frame.size());
  WireReader r(std::string_view(frame).substr(sizeof header));
  Result result;
  result.fault = r.Number<Fault>();
  result.error_class = r.Number<ErrorClass>();
  result.engine_ns = r.Number<uint64_t>();
  EXPECT_LE(r.Number<uint32_t>(), 1u);  // Calls that ran as one.
  result.error = r.Text();
  const auto count = r.Number<uint32_t>();
  for (uint32_t i = 0; i < count && r.ok(); ++i) {
    Result::Item item;
    item.key = r.Text();
    item.type = r.Number<uint8_t>();
    item.status = r.Number<uint8_t>();
    item.desc = r.KeyValues();
    item.shared = r.Number<DataPlace>() == DataPlace::kShared;
    if (item.shared) {
      const auto offset = r.Number<uint64_t>();
      item.data = map.View(offset, r.Number<uint64_t>());
    } else {
      item.data = r.Text();
    }
    result.items.push_back(std::move(item));
  }
  if (result.fault != Fault::kNone) result.detail = r.Text();
  EXPECT_TRUE(r.AtEnd());
  return result;
}

DataList Node(const char* key, std::string* data) {
  DataList node{};
  node.key = const_cast<char*>(key);
  node.data = data->data();
  node.len = static_cast<unsigned>(data->size());
  node.type = ::DataImage;
  node.status = ::DataEnd;
  return node;
}

TEST_F(ListsTest, ResultListBecomesAFrame) {
  std::string small("a\0b", 3), large(100'000, 'L'), none;
  DataList a = Node("small", &small), b = Node("large", &large), c = Node(nullptr, &none);
  c.data = nullptr;
  char key[] = "k", value[] = "value";
  ParamList cut{key, value, 3, nullptr}, no_key{nullptr, value, 5, &cut};
  a.desc = &no_key;
  a.next = &b;
  b.next = &c;
  std::string frame;
  EXPECT_EQ(WriteResult(&frame, 5, {777}, &a, arena.get()), "");

  const Result result = ReadResult(frame, *map);
  EXPECT_EQ(result.fault, Fault::kNone);
  EXPECT_EQ(result.engine_ns, 777u);
  ASSERT_EQ(result.items.size(), 3u);
  EXPECT_EQ(result.items[0].data, small);
  EXPECT_EQ(result.items[0].type, ::DataImage);
  EXPECT_EQ(result.items[0].status, ::DataEnd);
  EXPECT_EQ(result.items[0].desc, (Pairs{{"k", "val"}})) << "vlen bounds, NULL keys are skipped";
  EXPECT_FALSE(result.items[0].shared);
  EXPECT_EQ(result.items[1].data, large);
  EXPECT_TRUE(result.items[1].shared);
  EXPECT_EQ(result.items[2].key, "");
  EXPECT_EQ(result.items[2].data, "");
}

TEST_F(ListsTest, TypeThatAPluginMadeUpDoesNotBecomeAKnownOne) {
  std::string text = "x";
  for (const int made_up : {-1, 256, 1 << 30}) {  // 256 must not be cut down to 0, text.
    DataList a = Node("a", &text);
    std::memcpy(&a.type, &made_up, sizeof made_up);
    std::memcpy(&a.status, &made_up, sizeof made_up);
    std::string frame;
    WriteResult(&frame, 5, {1}, &a, arena.get());
    const Result result = ReadResult(frame, *map);
    EXPECT_EQ(result.items[0].type, 255);
    EXPECT_EQ(result.items[0].status, 255);
  }
}

TEST_F(ListsTest, FailureCarriesWhatFailedAndWhoseFaultItIs) {
  std::string frame;
  WriteFailure(&frame, 5, {1},
               {Fault::kExec, "no such thing;code=10007", "trace", ErrorClass::kCaller});
  const Result result = ReadResult(frame, *map);
  EXPECT_EQ(result.fault, Fault::kExec);
  EXPECT_EQ(result.error_class, ErrorClass::kCaller);
  EXPECT_EQ(result.error, "no such thing;code=10007");
  EXPECT_EQ(result.detail, "trace");
  EXPECT_TRUE(result.items.empty());
}

TEST_F(ListsTest, LargeResultTravelsInTheFrameWhenSharedMemoryIsUsedUp) {
  uint64_t offset = 0;
  ASSERT_NE(arena->Allocate(8 * kBlock, &offset), nullptr);
  std::string large(100'000, 'L');
  DataList a = Node("large", &large);
  std::string frame;
  EXPECT_EQ(WriteResult(&frame, 5, {1}, &a, arena.get()), "");
  const Result result = ReadResult(frame, *map);
  EXPECT_FALSE(result.items[0].shared);
  EXPECT_EQ(result.items[0].data, large);
}

// What a plugin hands over is not to be trusted: each of these is refused with its reason.
class HostileListsTest : public ListsTest {
 protected:
  void ExpectRefused(const DataList* list, const char* reason) {
    std::string frame;
    const std::string wrong = WriteResult(&frame, 5, {1}, list, arena.get());
    EXPECT_NE(wrong.find(reason), std::string::npos) << wrong;
    const Result result = ReadResult(frame, *map);
    EXPECT_EQ(result.fault, Fault::kMalformed);
    EXPECT_EQ(result.error, wrong);
    EXPECT_TRUE(result.items.empty());
    std::string item;
    EXPECT_EQ(WriteItem(&item, 5, true, list, arena.get()), wrong);
    EXPECT_EQ(item, "");
  }

  std::string text = "x";
  char key[2] = "k", value[2] = "v";
};

TEST_F(HostileListsTest, CircleOfResults) {
  DataList a = Node("a", &text), b = Node("b", &text);
  a.next = &b;
  b.next = &a;
  ExpectRefused(&a, "circle");
}

TEST_F(HostileListsTest, CircleOfAttributes) {
  for (char* name : {key, static_cast<char*>(nullptr)}) {
    DataList a = Node("a", &text);
    ParamList p{name, value, 1, nullptr};
    p.next = &p;
    a.desc = &p;
    ExpectRefused(&a, "desc does not end");
  }
}

TEST_F(HostileListsTest, ManyItemsWithManyAttributesEach) {
  std::vector<ParamList> desc(1000, ParamList{key, value, 1, nullptr});
  for (size_t i = 1; i < desc.size(); ++i) desc[i - 1].next = &desc[i];
  std::vector<DataList> items(1000, Node("a", &text));
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].desc = desc.data();
    if (i > 0) items[i - 1].next = &items[i];
  }
  ExpectRefused(items.data(), "nodes");
}

TEST_F(HostileListsTest, LengthsThatNobodyCanHaveMeant) {
  DataList a = Node("a", &text), b = Node("b", &text);
  a.next = &b;
  a.len = b.len = 0xffff'0000u;  // Found before a byte of it is read.
  ExpectRefused(&a, "is a len wrong?");
}

TEST_F(HostileListsTest, KeysAndAttributesWithoutAnEnd) {
  std::string endless(100'000, 'k');
  DataList a = Node(endless.c_str(), &text);
  ExpectRefused(&a, "expected a key of at most 64 KiB");
  a.key = key;
  ParamList no_key{endless.data(), value, 1, nullptr}, no_value{key, endless.data(), 0, nullptr};
  a.desc = &no_key;
  ExpectRefused(&a, "a key of desc");
  a.desc = &no_value;
  ExpectRefused(&a, "a value of desc");
}

TEST_F(HostileListsTest, ValueIsNotReadBeyondItsLength) {
  char three[3] = {'a', 'b', 'c'};  // No NUL: vlen is all that bounds it.
  DataList a = Node("a", &text);
  ParamList p{key, three, 3, nullptr};
  a.desc = &p;
  std::string frame;
  EXPECT_EQ(WriteResult(&frame, 5, {1}, &a, arena.get()), "");
  EXPECT_EQ(ReadResult(frame, *map).items[0].desc, (Pairs{{"k", "abc"}}));
}

TEST_F(ListsTest, FramesGatherBehindOneAnother) {
  std::string text = "x";
  DataList a = Node("a", &text);
  std::string frames;
  WriteResult(&frames, 5, {1}, &a, arena.get());
  const size_t first = frames.size();
  WriteFailure(&frames, 5, {1}, {Fault::kExpired, "late"});
  EXPECT_EQ(ReadResult(frames.substr(0, first), *map).items.size(), 1u);
  const Result refusal = ReadResult(frames.substr(first), *map);
  EXPECT_EQ(refusal.fault, Fault::kExpired);
  EXPECT_EQ(refusal.error, "late");
}

}  // namespace
}  // namespace aiges
