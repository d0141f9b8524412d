// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/xsf_codec.h"

#include <utility>

#include "loader/api/codes.h"
#include "loader/api/message_limits.h"
#include "loader/protocols/proto_wire.h"

namespace aiges {
namespace {

using Fields = WireFields;
using Pieces = WirePieces;
constexpr size_t kLongest = kLongestMessage;

// Up to here looking through all entries of a map for each new one is the fastest way.
constexpr size_t kFewPairs = 16;
// Room for so many is made at once.
constexpr size_t kUsualPairs = 4;

// Clients are used to the place of the first.
void KeepLastOfMany(Pairs* pairs) {
  if (pairs->size() > kFewPairs) KeepLast(pairs, Kept::kFirst);  // Of few ParseEntry did it.
}

struct Meta {
  std::string name;
  int type = 0;
  Pairs attributes;
};

DataType ToDataType(int type) {
  return type >= 0 && type <= 4 ? static_cast<DataType>(type) : DataType::kOther;
}

// Reads one request. Each method is false when the bytes are no such message, or when it has more
// parts than one may have: then passed() says which.
class RequestReader {
 public:
  RequestReader(std::shared_ptr<const void> owner, XsfRequest* out)
      : owner_(std::move(owner)), out_(*out) {}

  // `input`: data[0].data.
  bool ReadEnvelope(std::string_view message, std::string_view* input) {
    bool ok = true, has_data = false;
    Fields f(message);
    while (ok && f.Next()) {
      switch (f.field()) {
        case 1:
          out_.op = f.Bytes();
          break;
        case 2:
          ok = ReadSession(f.Bytes());
          break;
        case 3:
          ok = ReadEntry(f.Bytes(), &out_.param);
          break;
        case 4: {
          std::string_view data;
          ok = ReadDataMeta(f.Bytes(), &data);
          if (!has_data) *input = data;  // Further entries are ignored, as clients are used to.
          has_data = true;
          break;
        }
        default:
          f.Skip();
      }
    }
    KeepLastOfMany(&out_.param);
    return ok && f.ok();
  }

  bool ReadLoaderInput(std::string_view message) {
    OnceCall& call = out_.call;
    bool ok = true;
    Fields f(message);
    while (ok && f.Next()) {
      switch (f.field()) {
        case 1:
          call.service_id = f.Bytes();
          break;
        case 3:
          out_.state = f.Varint() == 1 ? SessionState::kOnce : SessionState::kStream;
          break;
        case 4:
          ok = ReadEntry(f.Bytes(), &call.headers);
          break;
        case 5:
          ok = ReadEntry(f.Bytes(), &call.request.params);
          break;
        case 6:
          ok = ReadExpected(f.Bytes());
          break;
        case 7:
          ok = ReadPayload(f.Bytes());
          break;
        case 8:
          out_.sync_id = f.Varint();
          break;
        default:
          f.Skip();
      }
    }
    KeepLastOfMany(&call.headers);
    KeepLastOfMany(&call.request.params);
    return ok && f.ok();
  }

  const std::string& passed() const { return passed_; }

 private:
  bool Within(size_t count, size_t most, const char* what) {
    if (count <= most) return true;
    passed_ = TooManyParts(most, what);
    return false;
  }

  // One entry of a map<string, string>.
  bool ReadEntry(std::string_view message, Pairs* pairs) {
    std::string_view key, value;
    Fields f(message);
    while (f.Next()) {
      if (f.field() == 1) {
        key = f.Bytes();
      } else if (f.field() == 2) {
        value = f.Bytes();
      } else {
        f.Skip();
      }
    }
    if (!f.ok() || !Within(++pairs_, kMostPairs, "params, headers and attributes")) return false;
    if (pairs->size() < kFewPairs) {
      for (auto& [k, v] : *pairs) {
        if (k != key) continue;
        v = value;
        return true;
      }
    }
    if (pairs->capacity() == 0) pairs->reserve(kUsualPairs);
    pairs->emplace_back(key, value);
    return true;
  }

  bool ReadMeta(std::string_view message, Meta* out) {
    Fields f(message);
    bool ok = true;
    while (ok && f.Next()) {
      switch (f.field()) {
        case 1:
          out->name = f.Bytes();
          break;
        case 2:
          out->type = f.Varint();
          break;
        case 3:
          ok = ReadEntry(f.Bytes(), &out->attributes);
          break;
        default:
          f.Skip();
      }
    }
    return ok && f.ok();
  }

  bool ReadExpected(std::string_view message) {
    Meta meta;
    std::vector<Expected>& expect = out_.call.expect;
    if (!ReadMeta(message, &meta) ||
        !Within(expect.size() + 1, kMostExpected, "expected outputs")) {
      return false;
    }
    KeepLastOfMany(&meta.attributes);
    expect.push_back({std::move(meta.name), ToDataType(meta.type), std::move(meta.attributes)});
    return true;
  }

  bool ReadPayload(std::string_view message) {
    std::vector<Payload>& payloads = out_.call.request.payloads;
    if (!Within(payloads.size() + 1, kMostPayloads, "payloads")) return false;
    Payload& payload = payloads.emplace_back();
    bool has_meta = false, ok = true;
    Meta meta;
    Fields f(message);
    while (ok && f.Next()) {
      if (f.field() == 1) {
        has_meta = true;
        ok = ReadMeta(f.Bytes(), &meta);
      } else if (f.field() == 2) {
        payload.data = Bytes(f.Bytes(), owner_);
      } else {
        f.Skip();
      }
    }
    KeepLastOfMany(&meta.attributes);  // Once, however often meta came.
    out_.meta_missing = out_.meta_missing || !has_meta;
    payload.key = std::move(meta.name);
    payload.type = ToDataType(meta.type);
    payload.desc = std::move(meta.attributes);
    return ok && f.ok();
  }

  bool ReadSession(std::string_view message) {
    Fields f(message);
    while (f.Next()) {
      if (f.field() == 1) {
        out_.trace = f.Bytes();
      } else if (f.field() == 2) {
        out_.handle = f.Bytes();
      } else {
        f.Skip();
      }
    }
    if (!Within(out_.handle.size(), kLongestHandle, "bytes of s.h (the handle)")) {
      out_.handle.clear();
      return false;
    }
    return f.ok();
  }

  static bool ReadDataMeta(std::string_view message, std::string_view* data) {
    Fields f(message);
    while (f.Next()) {
      if (f.field() == 1) {
        *data = f.Bytes();
      } else {
        f.Skip();
      }
    }
    return f.ok();
  }

  const std::shared_ptr<const void> owner_;
  XsfRequest& out_;
  size_t pairs_ = 0;
  std::string passed_;
};

Pieces LoaderOutput(const XsfReply& reply) {
  Pieces out;
  out.text().reserve(512);
  PutString(&out.text(), 1, reply.service_id);
  PutInt(&out.text(), 2, reply.output_code);
  PutString(&out.text(), 3, reply.output_error);
  PutInt(&out.text(), 4, reply.output_status);
  if (reply.payloads == nullptr) return out;
  for (const Payload& p : *reply.payloads) {
    std::string meta;
    PutString(&meta, 1, p.key);
    PutInt(&meta, 2, static_cast<int>(p.type));
    for (const auto& [key, value] : p.desc) PutEntry(&meta, 3, key, value);
    std::string head;
    PutBytes(&head, 1, meta);
    if (!p.data.empty()) PutLengthHead(&head, 2, p.data.size());
    PutLengthHead(&out.text(), 5, head.size() + p.data.size());
    out.text() += head;
    out.Add(p.data);
  }
  return out;
}

Status Broken(const RequestReader& reader, int code, const char* what) {
  if (!reader.passed().empty()) {
    return Status::Error(StatusKind::kInvalid, reader.passed(), kCodeInvalidInput);
  }
  return Status::Error(StatusKind::kInvalid, StrCat("not a valid ", what), code);
}

}  // namespace

Status ParseLoaderInput(const Bytes& message, XsfRequest* out) {
  RequestReader reader(message.owner(), out);
  if (message.size() <= kLongest && reader.ReadLoaderInput(message.view())) return Status::Ok();
  return Broken(reader, kCodeUnmarshal, "protocol.LoaderInput message");
}

std::vector<Bytes> SerialiseLoaderOutput(const XsfReply& reply) {
  return LoaderOutput(reply).Take();
}

Status ParseXsf(const Bytes& message, XsfRequest* out) {
  RequestReader reader(message.owner(), out);
  std::string_view input;
  if (message.size() > kLongest || !reader.ReadEnvelope(message.view(), &input)) {
    return Broken(reader, 0, "utils.ReqData message");
  }
  if (!reader.ReadLoaderInput(input)) {
    return Broken(reader, kCodeUnmarshal, "protocol.LoaderInput message in data[0].data");
  }
  return Status::Ok();
}

std::vector<Bytes> SerialiseXsf(const XsfReply& reply) {
  Pieces out;
  out.text().reserve(512);
  PutInt(&out.text(), 1, reply.code);
  PutString(&out.text(), 2, reply.error_info);
  std::string session;
  if (reply.trace != nullptr) PutString(&session, 1, *reply.trace);
  if (reply.handle != nullptr) PutString(&session, 2, *reply.handle);
  if (reply.peer != nullptr) PutEntry(&session, 3, "PeerAddr", *reply.peer);
  if (!session.empty()) PutBytes(&out.text(), 3, session);
  if (reply.has_output) {
    Pieces meta;
    meta.AddMessage(1, LoaderOutput(reply));
    out.AddMessage(5, std::move(meta));
  }
  return out.Take();
}

}  // namespace aiges
