// SPDX-License-Identifier: Apache-2.0
// The hand-written codec against the generated classes, with random messages both ways.
#include "loader/protocols/xsf_codec.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "loader.pb.h"
#include "loader/api/codes.h"
#include "loader/api/message_limits.h"
#include "xsf.pb.h"

namespace aiges {
namespace {

using StringMap = std::map<std::string, std::string>;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int Pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine_); }
  std::string Text() {
    static const char* const kTexts[] = {"", "a", "sid", "gr\xc3\xbc\xc3\x9f", "long text "};
    std::string out = kTexts[Pick(5)];
    for (int n = Pick(4); n > 0; --n) out += static_cast<char>('a' + Pick(26));
    return out;
  }
  // From empty to well over the size at which a payload becomes a piece of its own.
  std::string Data() {
    static constexpr int kSizes[] = {0, 1, 100, 8191, 8192, 8193, 70'000};
    std::string out(static_cast<size_t>(kSizes[Pick(7)]), '\0');
    for (char& c : out) c = static_cast<char>(Pick(256));
    return out;
  }
  template <class Map>
  void Fill(Map* map) {
    for (int n = Pick(4); n > 0; --n) (*map)[Text()] = Text();
  }

 private:
  std::mt19937 engine_;
};

template <class Map>
StringMap ToMap(const Map& map) {
  return {map.begin(), map.end()};
}

StringMap ToMap(const Pairs& pairs) {
  const StringMap map(pairs.begin(), pairs.end());
  EXPECT_EQ(map.size(), pairs.size()) << "a key came twice";
  return map;
}

protocol::LoaderInput RandomInput(Random* r) {
  protocol::LoaderInput in;
  in.set_serviceid(r->Text());
  in.set_servicename(r->Text());
  in.set_state(r->Pick(2) == 0 ? protocol::LoaderInput::STREAM : protocol::LoaderInput::ONCE);
  in.set_sync_id(r->Pick(3) - 1);
  r->Fill(in.mutable_headers());
  r->Fill(in.mutable_params());
  for (int n = r->Pick(3); n > 0; --n) {
    protocol::MetaDesc* e = in.add_expect();
    e->set_name(r->Text());
    e->set_datatype(static_cast<protocol::MetaDesc::DataType>(r->Pick(5)));
    r->Fill(e->mutable_attribute());
  }
  for (int n = r->Pick(4); n > 0; --n) {
    protocol::Payload* p = in.add_pl();
    p->set_data(r->Data());
    if (r->Pick(8) == 0) continue;  // Without meta.
    p->mutable_meta()->set_name(r->Text());
    p->mutable_meta()->set_datatype(static_cast<protocol::MetaDesc::DataType>(r->Pick(5)));
    r->Fill(p->mutable_meta()->mutable_attribute());
  }
  return in;
}

utils::ReqData RandomRequest(Random* r, const protocol::LoaderInput& in) {
  utils::ReqData req;
  req.set_op(r->Text());
  req.mutable_s()->set_t(r->Text());
  req.mutable_s()->set_h(r->Text());
  r->Fill(req.mutable_s()->mutable_sess());
  r->Fill(req.mutable_param());
  utils::DataMeta* data = req.add_data();
  data->set_data(in.SerializeAsString());
  r->Fill(data->mutable_desc());
  if (r->Pick(3) == 0) req.add_data()->set_data("a further entry is ignored");
  return req;
}

void ExpectSame(const protocol::LoaderInput& in, const XsfRequest& got) {
  EXPECT_EQ(got.call.service_id, in.serviceid());
  EXPECT_EQ(got.state, in.state() == 1 ? SessionState::kOnce : SessionState::kStream);
  EXPECT_EQ(got.sync_id, in.sync_id());
  EXPECT_EQ(ToMap(got.call.headers), ToMap(in.headers()));
  EXPECT_EQ(ToMap(got.call.request.params), ToMap(in.params()));
  ASSERT_EQ(got.call.expect.size(), static_cast<size_t>(in.expect_size()));
  for (int i = 0; i < in.expect_size(); ++i) {
    const Expected& e = got.call.expect[static_cast<size_t>(i)];
    EXPECT_EQ(e.name, in.expect(i).name());
    EXPECT_EQ(static_cast<int>(*e.type), in.expect(i).datatype());
    EXPECT_EQ(ToMap(e.attributes), ToMap(in.expect(i).attribute()));
  }
  bool meta_missing = false;
  ASSERT_EQ(got.call.request.payloads.size(), static_cast<size_t>(in.pl_size()));
  for (int i = 0; i < in.pl_size(); ++i) {
    const Payload& p = got.call.request.payloads[static_cast<size_t>(i)];
    EXPECT_EQ(p.key, in.pl(i).meta().name());
    EXPECT_EQ(static_cast<int>(p.type), in.pl(i).meta().datatype());
    EXPECT_EQ(ToMap(p.desc), ToMap(in.pl(i).meta().attribute()));
    EXPECT_EQ(p.data.view(), in.pl(i).data());
    meta_missing = meta_missing || !in.pl(i).has_meta();
  }
  EXPECT_EQ(got.meta_missing, meta_missing);
}

class XsfCodecProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(XsfCodecProperty, RequestOfTheGeneratedClassIsReadAsItWas) {
  Random random(GetParam());
  for (int i = 0; i < 40; ++i) {
    const protocol::LoaderInput in = RandomInput(&random);
    const utils::ReqData req = RandomRequest(&random, in);
    XsfRequest got;
    const Status status = ParseXsf(Bytes::Own(req.SerializeAsString()), &got);
    ASSERT_TRUE(status.ok()) << status.text;
    EXPECT_EQ(got.op, req.op());
    EXPECT_EQ(got.trace, req.s().t());
    EXPECT_EQ(got.handle, req.s().h());
    EXPECT_EQ(ToMap(got.param), ToMap(req.param()));
    ExpectSame(in, got);
  }
}

TEST_P(XsfCodecProperty, ReplyIsReadByTheGeneratedClassAsItWas) {
  Random random(GetParam());
  for (int i = 0; i < 40; ++i) {
    std::vector<Payload> payloads(static_cast<size_t>(random.Pick(4)));
    for (Payload& p : payloads) {
      p.key = random.Text();
      p.type = static_cast<DataType>(random.Pick(5));
      p.data = Bytes::Own(random.Data());
      StringMap desc;
      random.Fill(&desc);
      p.desc.assign(desc.begin(), desc.end());
    }
    const std::string trace = random.Text(), handle = random.Text(), peer = random.Text();
    XsfReply reply;
    reply.code = random.Pick(2) == 0 ? 0 : 10110;
    reply.error_info = random.Text();
    reply.trace = &trace;
    reply.handle = &handle;
    reply.peer = &peer;
    reply.service_id = random.Text();
    reply.output_code = random.Pick(3) - 1;  // Engines may return negative numbers.
    reply.output_error = random.Text();
    reply.output_status = random.Pick(4);
    reply.payloads = &payloads;

    std::string bytes;
    for (const Bytes& piece : SerialiseXsf(reply)) bytes += piece.view();
    utils::ResData res;
    ASSERT_TRUE(res.ParseFromString(bytes));
    EXPECT_EQ(res.code(), reply.code);
    EXPECT_EQ(res.error_info(), reply.error_info);
    EXPECT_EQ(res.s().t(), trace);
    EXPECT_EQ(res.s().h(), handle);
    EXPECT_EQ(res.s().sess().at("PeerAddr"), peer);
    ASSERT_EQ(res.data_size(), 1);
    protocol::LoaderOutput out;
    ASSERT_TRUE(out.ParseFromString(res.data(0).data()));
    EXPECT_EQ(out.serviceid(), reply.service_id);
    EXPECT_EQ(out.code(), reply.output_code);
    EXPECT_EQ(out.err(), reply.output_error);
    EXPECT_EQ(out.status(), reply.output_status);
    ASSERT_EQ(out.pl_size(), static_cast<int>(payloads.size()));
    for (int k = 0; k < out.pl_size(); ++k) {
      const Payload& p = payloads[static_cast<size_t>(k)];
      EXPECT_EQ(out.pl(k).meta().name(), p.key);
      EXPECT_EQ(out.pl(k).meta().datatype(), static_cast<int>(p.type));
      EXPECT_EQ(ToMap(out.pl(k).meta().attribute()), ToMap(p.desc));
      EXPECT_EQ(out.pl(k).data(), p.data.view());
    }
  }
}

TEST_P(XsfCodecProperty, ChangedBytesNeverCrashTheReader) {
  Random random(GetParam());
  const utils::ReqData req = RandomRequest(&random, RandomInput(&random));
  const std::string bytes = req.SerializeAsString();
  for (int i = 0; i < 500; ++i) {
    std::string changed = bytes;
    for (int n = 1 + random.Pick(3); n > 0; --n) {
      // Mostly near the start: the structure is there, the data behind it.
      const size_t bound = std::min<size_t>(changed.size(), random.Pick(2) == 0 ? 200 : 100'000);
      changed[static_cast<size_t>(random.Pick(static_cast<int>(bound)))] =
          static_cast<char>(random.Pick(256));
    }
    XsfRequest got;
    (void)!ParseXsf(Bytes::Own(std::move(changed)), &got).ok();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, XsfCodecProperty, ::testing::Range(1u, 9u));

utils::ReqData SmallRequest() {
  protocol::LoaderInput in;
  in.set_serviceid("svc");
  in.set_state(protocol::LoaderInput::ONCE);
  (*in.mutable_params())["a"] = "b";
  in.add_expect()->set_name("out");
  protocol::Payload* p = in.add_pl();
  p->mutable_meta()->set_name("img");
  p->set_data("data");
  utils::ReqData req;
  req.set_op("AIIn");
  req.mutable_s()->set_t("trace");
  (*req.mutable_param())["SeqNo"] = "1";
  req.add_data()->set_data(in.SerializeAsString());
  return req;
}

TEST(XsfCodec, PayloadPointsIntoTheMessage) {
  const Bytes message = Bytes::Own(SmallRequest().SerializeAsString());
  XsfRequest got;
  ASSERT_TRUE(ParseXsf(message, &got).ok());
  const Bytes& data = got.call.request.payloads[0].data;
  EXPECT_GE(data.data(), message.data());
  EXPECT_LE(data.data() + data.size(), message.data() + message.size());
  EXPECT_EQ(data.owner(), message.owner());
}

TEST(XsfCodec, TruncatedRequestIsReadExactlyWhereTheGeneratedClassReadsIt) {
  const std::string bytes = SmallRequest().SerializeAsString();
  for (size_t length = 0; length < bytes.size(); ++length) {
    const std::string cut = bytes.substr(0, length);
    utils::ReqData generated;
    const bool valid = generated.ParseFromString(cut);
    XsfRequest got;
    const Status status = ParseXsf(Bytes::Own(cut), &got);
    EXPECT_EQ(status.ok(), valid) << "cut at " << length;
    EXPECT_TRUE(status.ok() || status.kind == StatusKind::kInvalid);
  }
}

TEST(XsfCodec, TruncatedLoaderInputIs10401) {
  utils::ReqData req = SmallRequest();
  std::string* inner = req.mutable_data(0)->mutable_data();
  inner->resize(inner->size() - 1);
  XsfRequest got;
  const Status status = ParseXsf(Bytes::Own(req.SerializeAsString()), &got);
  EXPECT_EQ(status.kind, StatusKind::kInvalid);
  EXPECT_EQ(status.code, kCodeUnmarshal);
}

TEST(XsfCodec, UnknownFieldsOfEveryWireTypeAreSkipped) {
  const std::string unknown = std::string("\xc0\x3e\x96\x01", 4) +  // 1000, varint
                              std::string(
                                  "\xc1\x3e"
                                  "12345678",
                                  10) +  // 1000, 64 bit
                              std::string(
                                  "\xc2\x3e\x03"
                                  "abc",
                                  6) +                                          // 1000, bytes
                              std::string("\xc3\x3e\xc0\x3e\x01\xc4\x3e", 7) +  // 1000, a group
                              std::string(
                                  "\xc5\x3e"
                                  "1234",
                                  6);  // 1000, 32 bit
  utils::ReqData req = SmallRequest();
  req.mutable_data(0)->mutable_data()->append(unknown);
  XsfRequest got;
  const Status status = ParseXsf(Bytes::Own(unknown + req.SerializeAsString() + unknown), &got);
  ASSERT_TRUE(status.ok()) << status.text;
  EXPECT_EQ(got.op, "AIIn");
  EXPECT_EQ(got.call.service_id, "svc");
}

TEST(XsfCodec, GroupsNestedWithoutEndAreRefusedBeforeTheStackIsUsedUp) {
  XsfRequest got;
  EXPECT_FALSE(ParseXsf(Bytes::Own(std::string(1'000'000, '\x0b')), &got).ok());
}

TEST(XsfCodec, EmptyMessageIsAnEmptyRequest) {
  XsfRequest got;
  EXPECT_TRUE(ParseXsf(Bytes(), &got).ok());
  EXPECT_TRUE(got.op.empty());
}

TEST(XsfCodec, UnknownDataTypeIsOther) {
  utils::ReqData req = SmallRequest();
  protocol::LoaderInput in;
  in.add_pl()->mutable_meta()->set_datatype(static_cast<protocol::MetaDesc::DataType>(99));
  req.mutable_data(0)->set_data(in.SerializeAsString());
  XsfRequest got;
  ASSERT_TRUE(ParseXsf(Bytes::Own(req.SerializeAsString()), &got).ok());
  EXPECT_EQ(got.call.request.payloads[0].type, DataType::kOther);
}

TEST(XsfCodec, LaterMapEntryReplacesTheEarlierOne) {
  const std::string entry("\x1a\x06\x0a\x01k\x12\x01", 7);
  XsfRequest got;
  ASSERT_TRUE(ParseXsf(Bytes::Own(entry + "1" + entry + "2"), &got).ok());
  EXPECT_EQ(got.param, (Pairs{{"k", "2"}}));
}

// A map was searched from its start for each entry: a message of 1 MB stopped all calls for
// seconds.
TEST(XsfCodec, LaterEntriesReplaceEarlierOnesInLargeMapsToo) {
  constexpr int kKeys = 3000;
  std::string bytes;
  Pairs expected;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kKeys; ++i) {
      utils::ReqData one;
      (*one.mutable_param())[StrCat("key", i)] = StrCat(round, "/", i);
      bytes += one.SerializeAsString();  // Messages one after the other are one merged message.
      if (round == 2) expected.emplace_back(StrCat("key", i), StrCat(round, "/", i));
    }
  }
  XsfRequest got;
  const Status status = ParseXsf(Bytes::Own(bytes), &got);
  ASSERT_TRUE(status.ok()) << status.text;
  EXPECT_EQ(got.param, expected);
}

TEST(XsfCodec, AttributesOfAMetaThatComesInPartsAreMerged) {
  protocol::Payload whole;
  std::string bytes;
  for (int i = 0; i < 100; ++i) {
    protocol::Payload part;
    (*part.mutable_meta()->mutable_attribute())[StrCat("a", i % 50)] = std::to_string(i);
    bytes += part.SerializeAsString();
    whole.MergeFrom(part);
  }
  std::string input("\x3a", 1);
  input += static_cast<char>((bytes.size() & 127) | 128);
  input += static_cast<char>(bytes.size() >> 7);
  XsfRequest got;
  ASSERT_TRUE(ParseLoaderInput(Bytes::Own(input + bytes), &got).ok());
  EXPECT_EQ(ToMap(got.call.request.payloads[0].desc), ToMap(whole.meta().attribute()));
}

struct TooMany {
  const char* name;
  size_t most;
  void (*add)(protocol::LoaderInput* in, size_t i);
};

class XsfCodecLimit : public ::testing::TestWithParam<TooMany> {};

TEST_P(XsfCodecLimit, IsRefusedByItsNameAndJustBelowIsTaken) {
  protocol::LoaderInput in;
  for (size_t i = 0; i < GetParam().most; ++i) GetParam().add(&in, i);
  XsfRequest fits;
  const Status status = ParseLoaderInput(Bytes::Own(in.SerializeAsString()), &fits);
  EXPECT_TRUE(status.ok()) << status.text;
  GetParam().add(&in, GetParam().most);
  XsfRequest got;
  const Status refused = ParseLoaderInput(Bytes::Own(in.SerializeAsString()), &got);
  EXPECT_EQ(refused.kind, StatusKind::kInvalid);
  EXPECT_EQ(refused.code, kCodeInvalidInput);
  EXPECT_NE(refused.text.find(StrCat("at most ", GetParam().most, " ", GetParam().name)),
            std::string::npos)
      << refused.text;
}

INSTANTIATE_TEST_SUITE_P(
    Parts, XsfCodecLimit,
    ::testing::Values(TooMany{"params, headers and attributes", kMostPairs,
                              [](protocol::LoaderInput* in, size_t i) {
                                (*in->mutable_params())[std::to_string(i)] = "v";
                              }},
                      TooMany{"params, headers and attributes", kMostPairs,
                              [](protocol::LoaderInput* in, size_t i) {
                                protocol::Payload* p =
                                    i % 100 == 0 ? in->add_pl() : in->mutable_pl(in->pl_size() - 1);
                                (*p->mutable_meta()->mutable_attribute())[std::to_string(i)] = "v";
                              }},
                      TooMany{
                          "payloads", kMostPayloads,
                          [](protocol::LoaderInput* in, size_t) { in->add_pl()->mutable_meta(); }},
                      TooMany{"expected outputs", kMostExpected,
                              [](protocol::LoaderInput* in, size_t) { in->add_expect(); }}),
    [](const auto& row) { return std::to_string(row.index); });

TEST(XsfCodec, AHandleIsNoLongerThanNeedBe) {
  utils::ReqData req = SmallRequest();
  req.mutable_s()->set_h(std::string(kLongestHandle, 'h'));
  XsfRequest fits, got;
  EXPECT_TRUE(ParseXsf(Bytes::Own(req.SerializeAsString()), &fits).ok());
  req.mutable_s()->set_h(std::string(kLongestHandle + 1, 'h'));
  EXPECT_EQ(ParseXsf(Bytes::Own(req.SerializeAsString()), &got).code, kCodeInvalidInput);
  EXPECT_TRUE(got.handle.empty());
}

TEST(XsfCodec, TextThatIsNoUtf8DoesNotSpoilTheReply) {
  std::vector<Payload> payloads(1);
  payloads[0].key = "k\xff";
  payloads[0].desc = {{"d\xfe", "v\xc3"}};
  payloads[0].data = Bytes::Own("\xff\xfe");
  XsfReply reply;
  reply.output_code = 10909;
  reply.output_error = "engine says \xe4;code=3";
  reply.payloads = &payloads;
  std::string bytes;
  for (const Bytes& piece : SerialiseXsf(reply)) bytes += piece.view();
  utils::ResData res;
  ASSERT_TRUE(res.ParseFromString(bytes));
  protocol::LoaderOutput out;
  ASSERT_TRUE(out.ParseFromString(res.data(0).data()));
  EXPECT_EQ(out.err(), "engine says ?;code=3");
  EXPECT_EQ(out.pl(0).meta().name(), "k?");
  EXPECT_EQ(out.pl(0).meta().attribute().at("d?"), "v?");
  EXPECT_EQ(out.pl(0).data(), "\xff\xfe") << "data is bytes, and stays";
}

TEST(XsfCodec, LargePayloadGoesOutUncopied) {
  std::vector<Payload> payloads(1);
  payloads[0].data = Bytes::Own(std::string(100'000, 'x'));
  XsfReply reply;
  reply.payloads = &payloads;
  bool found = false;
  for (const Bytes& piece : SerialiseXsf(reply)) {
    found = found || piece.data() == payloads[0].data.data();
  }
  EXPECT_TRUE(found);
}

TEST(XsfCodec, ReplyWithoutOutputIsAnEmptyResData) {
  XsfReply reply;
  reply.has_output = false;
  EXPECT_TRUE(SerialiseXsf(reply).empty());
}

}  // namespace
}  // namespace aiges
