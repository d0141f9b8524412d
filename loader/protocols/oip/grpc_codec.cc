// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/grpc_codec.h"

#include <cstring>
#include <optional>
#include <utility>

#include "loader/base/strings.h"
#include "loader/front/http_types.h"
#include "loader/protocols/proto_wire.h"

namespace aiges::oip {
namespace {

// Fields of InferTensorContents.
constexpr int kBools = 1, kInts = 2, kInt64s = 3, kUints = 4, kUint64s = 5, kFloats = 6,
              kDoubles = 7, kBytesContents = 8;
// The datatype that each is for; where it is for several, the widest.
constexpr const char* kContentTypes[] = {"",       "BOOL", "INT32", "INT64", "UINT32",
                                         "UINT64", "FP32", "FP64",  "BYTES"};

// The field of a datatype; 0: it has none.
int ContentsOf(Datatype type) {
  switch (type) {
    case Datatype::kBool:
      return kBools;
    case Datatype::kUint8:
    case Datatype::kUint16:
    case Datatype::kUint32:
      return kUints;
    case Datatype::kUint64:
      return kUint64s;
    case Datatype::kInt8:
    case Datatype::kInt16:
    case Datatype::kInt32:
      return kInts;
    case Datatype::kInt64:
      return kInt64s;
    case Datatype::kFp32:
      return kFloats;
    case Datatype::kFp64:
      return kDoubles;
    case Datatype::kBytes:
      return kBytesContents;
    case Datatype::kFp16:
    case Datatype::kBf16:
      return 0;
  }
  return 0;
}

bool IsFixed(int field) { return field == kFloats || field == kDoubles; }

// Calls `take` with each varint of a packed list.
template <class Take>
bool EachVarint(std::string_view packed, const Take& take) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(packed.data()),
                                            static_cast<int>(packed.size()));
  while (in.CurrentPosition() < static_cast<int>(packed.size())) {
    uint64_t value = 0;
    if (!in.ReadVarint64(&value)) return false;
    take(value);
  }
  return true;
}

// The contents of one tensor. Nothing is wrong until Take says so.
class Contents {
 public:
  // False: no such message.
  bool Read(std::string_view message) {
    WireFields f(message);
    while (f.Next()) {
      const int field = f.field();
      if (field < kBools || field > kBytesContents) {
        f.Skip();
        continue;
      }
      mixed_ = mixed_ || (field_ != 0 && field_ != field);
      field_ = field;
      if (field == kBytesContents || f.IsBytes()) {
        chunks_.push_back(f.Bytes());
      } else if (IsFixed(field)) {
        chunks_.push_back(f.Fixed());
      } else {
        single_.push_back(f.Varint64());
      }
    }
    return f.ok();
  }

  bool empty() const { return field_ == 0; }
  int field() const { return field_; }

  // As raw data.
  Status Take(const Bytes& message, const std::string& model, const Memory& memory,
              Tensor* tensor) const {
    const int wanted = ContentsOf(tensor->datatype);
    if (mixed_ || field_ != wanted) {
      return Invalid(StrCat("unexpected explicit tensor data for input tensor '", tensor->name,
                            "' for model '", model, "' of type '", kContentTypes[field_],
                            "', expected datatype '", NameOf(tensor->datatype), "'"));
    }
    if (IsFixed(field_) && chunks_.size() == 1) {
      tensor->data = Bytes(chunks_.front(), message.owner());
      return Status::Ok();
    }
    uint64_t size = 0;
    if (field_ == kBytesContents) {
      for (const std::string_view chunk : chunks_) size += sizeof(uint32_t) + chunk.size();
    } else if (IsFixed(field_)) {
      for (const std::string_view chunk : chunks_) size += chunk.size();
    } else {
      size = single_.size();
      for (const std::string_view chunk : chunks_) {
        if (!EachVarint(chunk, [&size](uint64_t) { ++size; })) return Broken(*tensor);
      }
      size *= SizeOf(tensor->datatype);
    }
    std::optional<Buffer> buffer = memory.Take(size);
    if (!buffer) return memory.NoRoom();
    Fill(SizeOf(tensor->datatype), buffer->data);
    tensor->data = std::move(*buffer).Freeze();
    return Status::Ok();
  }

 private:
  static Status Broken(const Tensor& tensor) {
    return Invalid(StrCat("contents of input '", tensor.name, "' are not valid"));
  }

  // Numbers keep their lowest bytes, which is what a client of the right type has sent.
  void Fill(size_t size, char* to) const {
    const auto put = [size, &to](uint64_t value) {
      std::memcpy(to, &value, size);
      to += size;
    };
    for (const std::string_view chunk : chunks_) {
      if (field_ == kBytesContents) {
        const auto length = static_cast<uint32_t>(chunk.size());
        std::memcpy(to, &length, sizeof length);
        to += sizeof length;
      } else if (!IsFixed(field_)) {
        EachVarint(chunk, put);
        continue;
      }
      if (!chunk.empty()) std::memcpy(to, chunk.data(), chunk.size());
      to += chunk.size();
    }
    for (const uint64_t value : single_) put(value);
  }

  int field_ = 0;  // The last that was there.
  bool mixed_ = false;
  std::vector<std::string_view> chunks_;  // Packed numbers, or the elements of BYTES.
  std::vector<uint64_t> single_;          // Numbers that are not packed.
};

// Reads one request. What is no such message leaves `broken`; what is one, and wrong, a status.
class RequestReader {
 public:
  RequestReader(const Bytes& message, const Memory& memory, InferRequest* out)
      : message_(message), memory_(memory), out_(*out) {}

  Status Read() {
    WireFields f(message_.view());
    while (status_.ok() && f.Next()) {
      switch (f.field()) {
        case 1:
          out_.model = f.Bytes();
          break;
        case 2:
          out_.version = f.Bytes();
          break;
        case 3:
          out_.id = f.Bytes();
          break;
        case 4:
          ReadParam(f.Bytes(), &out_.params);
          break;
        case 5:
          ReadInput(f.Bytes());
          break;
        case 6:
          ReadOutput(f.Bytes());
          break;
        case 7:
          raw_.push_back(f.Bytes());
          if (raw_.size() > kMostTensors) Many();
          break;
        default:
          f.Skip();
      }
    }
    Check(f);
    if (status_.ok()) Place();
    return std::move(status_);
  }

 private:
  void Check(const WireFields& f) {
    if (f.ok() || !status_.ok()) return;
    status_ = Invalid("the message is no inference.ModelInferRequest");
  }
  void Many() {
    status_ = Invalid(StrCat("expected at most ", kMostTensors, " tensors and as many parameters"));
  }

  // An entry of map<string, InferParameter>. The last of a name counts.
  void ReadParam(std::string_view message, Params* params) {
    std::string_view name, value;
    WireFields f(message);
    while (f.Next()) {
      if (f.field() == 1) {
        name = f.Bytes();
      } else if (f.field() == 2) {
        value = f.Bytes();
      } else {
        f.Skip();
      }
    }
    Check(f);
    if (++params_ > kMostParams) return Many();
    std::optional<ParamValue> read;
    WireFields v(value);
    while (v.Next()) {
      switch (v.field()) {
        case 1:
          read = v.Varint64() != 0;
          break;
        case 2:
          read = static_cast<int64_t>(v.Varint64());
          break;
        case 3:
          read = std::string(v.Bytes());
          break;
        case 4: {
          double number = 0;
          const std::string_view fixed = v.Fixed();
          if (fixed.size() == sizeof number) std::memcpy(&number, fixed.data(), sizeof number);
          read = number;
          break;
        }
        case 5:
          read = v.Varint64();
          break;
        default:
          v.Skip();
      }
    }
    Check(v);
    if (!status_.ok()) return;
    if (!read) {
      status_ = Invalid(StrCat("invalid value type for '", name,
                               "' parameter, expected int64_param, bool_param, or string_param."));
      return;
    }
    for (auto& [key, old] : *params) {
      if (key != name || params->size() > kFew) continue;
      old = *std::move(read);
      return;
    }
    params->emplace_back(name, *std::move(read));
  }

  static bool ReadShape(WireFields* f, Shape* shape) {
    if (!f->IsBytes()) {
      shape->push_back(static_cast<int64_t>(f->Varint64()));
    } else if (!EachVarint(f->Bytes(), [shape](uint64_t dimension) {
                 if (shape->size() <= kMostDimensions) {
                   shape->push_back(static_cast<int64_t>(dimension));
                 }
               })) {
      f->Fail();
    }
    return shape->size() <= kMostDimensions;
  }

  void ReadInput(std::string_view message) {
    if (out_.inputs.size() == kMostTensors) return Many();
    Tensor& input = out_.inputs.emplace_back();
    Contents& contents = contents_.emplace_back();
    std::string_view datatype;
    WireFields f(message);
    while (status_.ok() && f.Next()) {
      switch (f.field()) {
        case 1:
          input.name = f.Bytes();
          break;
        case 2:
          datatype = f.Bytes();
          break;
        case 3:
          if (!ReadShape(&f, &input.shape)) {
            status_ = Invalid(StrCat("input '", input.name, "': expected at most ", kMostDimensions,
                                     " dimensions"));
          }
          break;
        case 4:
          ReadParam(f.Bytes(), &input.params);
          break;
        case 5:
          if (!contents.Read(f.Bytes())) f.Fail();
          break;
        default:
          f.Skip();
      }
    }
    Check(f);
    const std::optional<Datatype> type = DatatypeOf(datatype);
    if (!status_.ok()) return;
    if (!type) {
      status_ =
          Invalid(StrCat("input '", input.name,
                         "': expected a datatype of OIP, such as FP32, got '", datatype, "'"));
      return;
    }
    input.datatype = *type;
  }

  void ReadOutput(std::string_view message) {
    if (out_.outputs.size() == kMostTensors) return Many();
    RequestedOutput& output = out_.outputs.emplace_back();
    WireFields f(message);
    while (status_.ok() && f.Next()) {
      if (f.field() == 1) {
        output.name = f.Bytes();
      } else if (f.field() == 2) {
        ReadParam(f.Bytes(), &output.params);
      } else {
        f.Skip();
      }
    }
    Check(f);
  }

  // Which data are which input's: raw ones in their order, but for inputs in shared memory.
  void Place() {
    size_t next = 0;
    for (size_t i = 0; i < out_.inputs.size() && status_.ok(); ++i) {
      Tensor& input = out_.inputs[i];
      const Contents& contents = contents_[i];
      if (FindParam(input.params, "shared_memory_region") != nullptr) continue;
      input.has_data = true;
      if (raw_.empty() && !contents.empty()) {
        status_ = contents.Take(message_, out_.model, memory_, &input);
      } else if (!contents.empty()) {
        status_ = Invalid(
            StrCat("contents field must not be specified when using raw_input_contents for '",
                   input.name, "' for model '", out_.model, "'"));
      } else if (next < raw_.size()) {
        input.data = Bytes(raw_[next++], message_.owner());
      } else if (CountOf(input.shape) != 0) {
        status_ = Invalid(StrCat("unable to find data for input tensor '", input.name,
                                 "' for model '", out_.model, "' in request."));
      }
    }
    if (status_.ok() && next < raw_.size()) {
      status_ = Invalid(StrCat("expected ", next, " raw_input_contents for model '", out_.model,
                               "', got ", raw_.size()));
    }
  }

  // Parameters of which each new one is looked for among the others.
  static constexpr size_t kFew = 64;

  const Bytes& message_;
  const Memory& memory_;
  InferRequest& out_;
  Status status_;
  size_t params_ = 0;
  std::vector<Contents> contents_;  // As many as inputs.
  std::vector<std::string_view> raw_;
};

void PutParam(std::string* out, int field, const std::string& name, const ParamValue& value) {
  std::string inner;
  if (const auto* truth = std::get_if<bool>(&value)) {
    PutVarint(&inner, 1U << 3);
    PutVarint(&inner, *truth ? 1 : 0);
  } else if (const auto* number = std::get_if<int64_t>(&value)) {
    PutVarint(&inner, 2U << 3);
    PutVarint(&inner, static_cast<uint64_t>(*number));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    if (text->empty()) {
      PutLengthHead(&inner, 3, 0);
    } else {
      PutString(&inner, 3, *text);
    }
  } else if (const auto* real = std::get_if<double>(&value)) {
    PutVarint(&inner, 4U << 3 | 1);
    char bytes[sizeof *real];
    std::memcpy(bytes, real, sizeof *real);
    inner.append(bytes, sizeof bytes);
  } else {
    PutVarint(&inner, 5U << 3);
    PutVarint(&inner, std::get<uint64_t>(value));
  }
  std::string entry;
  PutString(&entry, 1, name);
  PutBytes(&entry, 2, inner);
  PutBytes(out, field, entry);
}

WirePieces Response(const InferResponse& response) {
  WirePieces out;
  std::string& text = out.text();
  text.reserve(256);
  PutString(&text, 1, response.model);
  PutString(&text, 2, response.version);
  PutString(&text, 3, response.id);
  for (const auto& [name, value] : response.params) PutParam(&text, 4, name, value);
  for (const Tensor& output : response.outputs) {
    std::string head, shape;
    PutString(&head, 1, output.name);
    PutString(&head, 2, NameOf(output.datatype));
    for (const int64_t dimension : output.shape) {
      PutVarint(&shape, static_cast<uint64_t>(dimension));
    }
    if (!shape.empty()) PutBytes(&head, 3, shape);
    PutBytes(&text, 5, head);
  }
  for (const Tensor& output : response.outputs) {
    PutLengthHead(&out.text(), 6, output.data.size());
    out.Add(output.data);
  }
  return out;
}

}  // namespace

Status ParseGrpc(const Bytes& message, const Memory& memory, InferRequest* out) {
  if (message.size() > kLongestMessage) return Invalid("the message is too long");
  return RequestReader(message, memory, out).Read();
}

bool IsLongToParse(std::string_view message) {
  if (message.size() <= HttpWork::kBig || message.size() > kLongestMessage) return false;
  size_t inputs = 0;
  WireFields f(message);
  while (f.Next()) {
    const int field = f.field();
    if (!f.IsBytes()) {
      f.Skip();
      continue;
    }
    const size_t size = f.Bytes().size();
    if (field == 5) inputs += size;
  }
  return inputs > HttpWork::kBig;
}

std::vector<Bytes> WriteGrpc(const InferResponse& response) { return Response(response).Take(); }

std::vector<Bytes> WriteGrpcStream(const InferResponse& response, std::string_view error) {
  WirePieces out;
  PutString(&out.text(), 1, error);
  out.AddMessage(2, Response(response));
  return out.Take();
}

}  // namespace aiges::oip
