// SPDX-License-Identifier: Apache-2.0
#include "xtest/xsf_answer.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/proto_buffer_reader.h>

namespace aiges {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr uint32_t Bytes(int field) { return static_cast<uint32_t>(field) << 3 | 2; }
constexpr uint32_t Number(int field) { return static_cast<uint32_t>(field) << 3; }

// Calls read(tag) for each field up to the end of the message. It has to take the whole field.
template <class Read>
bool ForEachField(CodedInputStream& in, Read read) {
  for (uint32_t tag = in.ReadTag(); tag != 0; tag = in.ReadTag()) {
    if (!read(tag)) return false;
  }
  return in.ConsumedEntireMessage();
}

// The same for a message inside the current one.
template <class Read>
bool ForEachFieldWithin(CodedInputStream& in, Read read) {
  int length = 0;
  if (!in.ReadVarintSizeAsInt(&length)) return false;
  const auto limit = in.PushLimit(length);
  const bool ok = ForEachField(in, read);
  in.PopLimit(limit);
  return ok;
}

bool ReadText(CodedInputStream& in, std::string* out) {
  int length = 0;
  return in.ReadVarintSizeAsInt(&length) && in.ReadString(out, length);
}

bool ReadInt(CodedInputStream& in, int* out) {
  uint64_t value = 0;
  if (!in.ReadVarint64(&value)) return false;
  *out = static_cast<int>(static_cast<int64_t>(value));
  return true;
}

bool Skip(CodedInputStream& in, uint32_t tag) { return WireFormatLite::SkipField(&in, tag); }

bool ReadPayload(CodedInputStream& in, ResultItem* item) {
  return ForEachFieldWithin(in, [&](uint32_t tag) {
    if (tag == Bytes(2)) return ReadText(in, &item->data);
    if (tag != Bytes(1)) return Skip(in, tag);
    return ForEachFieldWithin(in, [&](uint32_t meta) {
      if (meta == Bytes(1)) return ReadText(in, &item->name);
      if (meta != Number(2)) return Skip(in, meta);
      int type = 0;
      if (!ReadInt(in, &type)) return false;
      item->type = static_cast<DataType>(type);
      return true;
    });
  });
}

bool ReadOutputField(CodedInputStream& in, uint32_t tag, XsfAnswer* out,
                     std::vector<ResultItem>* results) {
  int code = 0;
  switch (tag) {
    case Number(2):
      if (!ReadInt(in, &code)) return false;
      if (code != 0) out->code = code;
      return true;
    case Bytes(3):
      return ReadText(in, &out->text);
    case Number(4):
      return ReadInt(in, &out->status);
    case Bytes(5):
      ++out->items;
      return results == nullptr ? Skip(in, tag) : ReadPayload(in, &results->emplace_back());
    default:
      return Skip(in, tag);
  }
}

bool ReadSession(CodedInputStream& in, XsfAnswer* out) {
  if (!ReadText(in, &out->session)) return false;
  CodedInputStream session(reinterpret_cast<const uint8_t*>(out->session.data()),
                           static_cast<int>(out->session.size()));
  return ForEachField(session, [&](uint32_t tag) {
    return tag == Bytes(2) ? ReadText(session, &out->handle) : Skip(session, tag);
  });
}

bool ReadResFields(CodedInputStream& in, XsfWants wants, XsfAnswer* out,
                   std::vector<ResultItem>* results) {
  bool first = true;
  return ForEachField(in, [&](uint32_t tag) {
    if (tag == Number(1)) {
      int code = 0;
      if (!ReadInt(in, &code)) return false;
      if (out->code == 0) out->code = code;
      return true;
    }
    if (tag == Bytes(3) && wants == XsfWants::kSession) return ReadSession(in, out);
    if (tag == Bytes(2) && out->code != 0 && out->text.empty()) return ReadText(in, &out->text);
    if (tag != Bytes(5) || !first) return Skip(in, tag);
    first = false;
    return ForEachFieldWithin(in, [&](uint32_t data) {
      if (data != Bytes(1)) return Skip(in, data);
      return ForEachFieldWithin(
          in, [&](uint32_t field) { return ReadOutputField(in, field, out, results); });
    });
  });
}

// Reads over the message where it lies.
template <class Read>
bool ReadMessage(const grpc::ByteBuffer& message, Read read) {
  grpc::Slice one;
  if (message.TrySingleSlice(&one).ok()) {
    CodedInputStream in(one.begin(), static_cast<int>(one.size()));
    return read(in);
  }
  grpc::ByteBuffer shared(message);  // The reader wants one that is not const; nothing is copied.
  grpc::ProtoBufferReader reader(&shared);
  if (!reader.status().ok()) return false;
  CodedInputStream in(&reader);
  return read(in);
}

}  // namespace

bool ReadResData(const grpc::ByteBuffer& message, XsfWants wants, XsfAnswer* out,
                 std::vector<ResultItem>* results) {
  return ReadMessage(message,
                     [&](CodedInputStream& in) { return ReadResFields(in, wants, out, results); });
}

bool ReadLoaderOutput(const grpc::ByteBuffer& message, XsfAnswer* out,
                      std::vector<ResultItem>* results) {
  return ReadMessage(message, [&](CodedInputStream& in) {
    return ForEachField(in, [&](uint32_t tag) { return ReadOutputField(in, tag, out, results); });
  });
}

}  // namespace aiges
