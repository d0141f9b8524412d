// SPDX-License-Identifier: Apache-2.0
#include "xtest/xsf_request.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstring>

#include "xtest/wire.h"

namespace aiges {
namespace {

// Fields of ReqData, DataMeta, LoaderInput, Payload, MetaDesc.
constexpr int kOp = 1, kSession = 2, kParam = 3, kData = 4;
constexpr int kDataBytes = 1;
constexpr int kServiceId = 1, kState = 3, kHeaders = 4, kParams = 5, kExpect = 6, kPayload = 7,
              kSyncId = 8;
constexpr int kMeta = 1, kPayloadData = 2;
constexpr int kName = 1, kType = 2, kAttribute = 3;
// LoaderInput.SessState.
constexpr int kStream = 0, kOnce = 1;

std::string Before(const char* op, bool first, const Plan& plan) {
  std::string out;
  wire::AppendBytes(&out, kOp, op);
  if (first) wire::AppendEntry(&out, kParam, "SeqNo", "1");
  wire::AppendEntry(&out, kParam, "baseId", "0");
  wire::AppendEntry(&out, kParam, "version", "v2");
  wire::AppendEntry(&out, kParam, "waitTime", std::to_string(plan.timeout_ms));
  return out;
}

std::string Description(const std::string& name, DataType type, const Pairs& attributes) {
  std::string out;
  wire::AppendBytes(&out, kName, name);
  if (type != DataType::kText) wire::AppendNumber(&out, kType, static_cast<uint64_t>(type));
  wire::AppendMap(&out, kAttribute, attributes);
  return out;
}

void AppendPlace(std::string* meta, std::string_view status, std::string_view seq) {
  wire::AppendEntry(meta, kAttribute, "status", status);
  wire::AppendEntry(meta, kAttribute, "seq", seq);
}

}  // namespace

XsfRequests::XsfRequests(const Plan& plan)
    : plan_(plan),
      own_sid_(Find(plan.headers, "sid") == nullptr),
      once_before_(Before("AIIn", true, plan)),
      create_before_(once_before_),
      in_before_(Before("AIIn", false, plan)),
      out_before_(Before("AIOut", false, plan)),
      stop_before_(Before("AIExcp", false, plan)),
      once_head_(Head(kOnce, "3")),
      create_head_(Head(kStream, "0")) {
  for (const auto& [head, status] :
       {std::pair(&begin_head_, "0"), std::pair(&middle_head_, "1"), std::pair(&end_head_, "2")}) {
    wire::AppendBytes(head, kServiceId, plan.service_id);
    wire::AppendEntry(head, kHeaders, "status", status);
  }
  for (const InputStream& stream : plan.inputs) {
    std::string& meta =
        packet_metas_.emplace_back(Description(stream.name, stream.type, stream.describe));
    AppendPlace(&once_metas_.emplace_back(meta), "3", "0");
  }
}

// [header] wins over what we would say.
std::string XsfRequests::Head(int state, const char* status) const {
  std::string out;
  wire::AppendBytes(&out, kServiceId, plan_.service_id);
  if (state != kStream) wire::AppendNumber(&out, kState, static_cast<uint64_t>(state));
  wire::AppendEntry(&out, kHeaders, "status", status);
  wire::AppendMap(&out, kHeaders, plan_.headers);
  wire::AppendMap(&out, kParams, plan_.params);
  for (const Expected& e : plan_.expect) {
    wire::AppendBytes(&out, kExpect, Description(e.name, e.type, e.describe));
  }
  return out;
}

void XsfRequests::OnceParts(uint64_t index) {
  parts_.clear();
  for (size_t s = 0; s < plan_.inputs.size(); ++s) {
    const auto& data = plan_.inputs[s].data;
    parts_.push_back({once_metas_[s], *data[index % data.size()]});
  }
}

void XsfRequests::PacketParts(const Packet& packet) {
  parts_.clear();
  metas_.resize(std::max(metas_.size(), packet.parts.size()));
  for (size_t i = 0; i < packet.parts.size(); ++i) {
    const Packet::Part& part = packet.parts[i];
    metas_[i] = packet_metas_[part.stream];
    AppendPlace(&metas_[i], std::to_string(part.status), std::to_string(part.seq));
    parts_.push_back({metas_[i], part.data});
  }
}

size_t XsfRequests::InputSize(const std::string& head, std::string_view sid,
                              int32_t sync_id) const {
  size_t size = head.size();
  if (!sid.empty()) size += wire::BytesSize(kHeaders, 5 + wire::BytesSize(2, sid.size()));
  for (const Part& p : parts_) {
    size += wire::BytesSize(kPayload, wire::BytesSize(kMeta, p.meta.size()) +
                                          wire::BytesSize(kPayloadData, p.data.size()));
  }
  if (sync_id != 0) size += 1 + wire::VarintSize(static_cast<uint64_t>(sync_id));
  return size;
}

void XsfRequests::AppendInput(const std::string& head, std::string_view sid, int32_t sync_id) {
  text_ += head;
  if (!sid.empty()) wire::AppendEntry(&text_, kHeaders, "sid", sid);
  for (const Part& p : parts_) {
    wire::AppendHead(
        &text_, kPayload,
        wire::BytesSize(kMeta, p.meta.size()) + wire::BytesSize(kPayloadData, p.data.size()));
    wire::AppendBytes(&text_, kMeta, p.meta);
    wire::AppendHead(&text_, kPayloadData, p.data.size());
    if (p.data.size() > kCopied) {
      longs_.push_back({text_.size(), p.data});
    } else {
      text_ += p.data;
    }
  }
  if (sync_id != 0) wire::AppendNumber(&text_, kSyncId, static_cast<uint64_t>(sync_id));
}

grpc::ByteBuffer XsfRequests::Envelope(std::string_view before, std::string_view session,
                                       const std::string* head, std::string_view sid,
                                       int32_t sync_id) {
  text_.assign(before);
  wire::AppendBytes(&text_, kSession, session);
  if (head != nullptr) {
    const size_t size = InputSize(*head, sid, sync_id);
    wire::AppendHead(&text_, kData, wire::BytesSize(kDataBytes, size));
    wire::AppendHead(&text_, kDataBytes, size);
    AppendInput(*head, sid, sync_id);
  }
  return Finish();
}

// Short text and long data in turn.
grpc::ByteBuffer XsfRequests::Finish() {
  if (longs_.empty()) {
    const grpc::Slice all(text_.data(), text_.size());
    return {&all, 1};
  }
  std::vector<grpc::Slice> slices;
  size_t begin = 0;
  for (const Long& l : longs_) {
    slices.emplace_back(text_.data() + begin, l.at - begin);
    slices.emplace_back(l.data.data(), l.data.size(), grpc::Slice::STATIC_SLICE);
    begin = l.at;
  }
  if (begin < text_.size()) slices.emplace_back(text_.data() + begin, text_.size() - begin);
  longs_.clear();
  return {slices.data(), slices.size()};
}

grpc::ByteBuffer XsfRequests::Once(const Call& call) {
  OnceParts(call.index);
  return Envelope(once_before_, {}, &once_head_, own_sid_ ? call.sid : "", 0);
}

grpc::ByteBuffer XsfRequests::Create(const Call& call) {
  parts_.clear();
  return Envelope(create_before_, {}, &create_head_, own_sid_ ? call.sid : "", 0);
}

grpc::ByteBuffer XsfRequests::In(const Call& call, std::string_view session, const Packet& packet) {
  PacketParts(packet);
  const bool end = std::all_of(packet.parts.begin(), packet.parts.end(),
                               [](const Packet::Part& p) { return p.status == 2; });
  const std::string& head = end ? end_head_ : packet.sync_id == 1 ? begin_head_ : middle_head_;
  return Envelope(in_before_, session, &head, call.sid, packet.sync_id);
}

grpc::ByteBuffer XsfRequests::Out(std::string_view session) {
  return Envelope(out_before_, session, nullptr, {}, 0);
}

grpc::ByteBuffer XsfRequests::Stop(std::string_view session) {
  return Envelope(stop_before_, session, nullptr, {}, 0);
}

grpc::ByteBuffer XsfRequests::StreamOnce(const Call& call) {
  OnceParts(call.index);
  text_.clear();
  AppendInput(once_head_, own_sid_ ? call.sid : "", 0);
  return Finish();
}

grpc::ByteBuffer XsfRequests::StreamOpen(const Call& call) {
  parts_.clear();
  text_.clear();
  AppendInput(create_head_, own_sid_ ? call.sid : "", 0);
  return Finish();
}

grpc::ByteBuffer XsfRequests::StreamPacket(const Packet& packet) {
  PacketParts(packet);
  text_.clear();
  AppendInput(begin_head_, {}, packet.sync_id);
  return Finish();
}

}  // namespace aiges
