// SPDX-License-Identifier: Apache-2.0
// Whatever bytes a gRPC client puts into a body or a field: read or refused, the same in one piece
// and byte by byte, within the bound and the budget. The first byte says how the rest is packed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loader/front/grpc_frames.h"
#include "loader/front/grpc_status.h"
#include "loader/front/gzip.h"
#include "loader/front/http_types.h"

namespace {

constexpr uint64_t kMost = 64 * 1024;

class HeapPool final : public aiges::BufferPool {
 public:
  aiges::Buffer Allocate(size_t size) override {
    std::shared_ptr<char[]> memory(new char[size]);
    return {memory.get(), size, memory};
  }
};

void Check(bool good) {
  if (!good) std::abort();
}

struct Whole {
  aiges::GrpcCode code;
  std::vector<std::string> messages;
  bool operator==(const Whole&) const = default;
};

Whole ReadAll(std::string_view body, size_t step, HeapPool* pool, aiges::Account* account) {
  aiges::GrpcReader reader(kMost, pool, account);
  std::vector<aiges::GrpcMessage> got;
  aiges::GrpcStatus status;
  for (size_t at = 0; at < body.size() && status.ok(); at += step) {
    status = reader.Read(body.substr(at, step), &got);
  }
  if (status.ok()) status = reader.End();
  Whole all{status.code, {}};
  for (const aiges::GrpcMessage& m : got) {
    Check(m.data.size() <= kMost);
    all.messages.push_back((m.packed ? "1" : "0") + std::string(m.data.view()));
  }
  return all;
}

void Unpack(aiges::Coding coding, std::string_view data, HeapPool* pool, aiges::Account* account) {
  aiges::Unpacker unpacker(coding, aiges::Bytes::Own(std::string(data)), kMost, pool, account);
  aiges::Packing result = aiges::Packing::kMore;
  while (result == aiges::Packing::kMore) result = unpacker.Step();
  if (result != aiges::Packing::kDone) return;
  const aiges::Bytes out = unpacker.Take();
  Check(out.size() <= kMost);
  aiges::Packer packer({out, out}, pool, account);
  while ((result = packer.Step()) == aiges::Packing::kMore) {
  }
  Check(result == aiges::Packing::kDone);
  aiges::Unpacker back(aiges::Coding::kGzip, packer.Take(), 2 * kMost, pool, account);
  result = aiges::Packing::kMore;
  while (result == aiges::Packing::kMore) result = back.Step();
  Check(result == aiges::Packing::kDone);
  Check(back.Take().view() == std::string(out.view()) + std::string(out.view()));
}

void Texts(std::string_view text) {
  Check(aiges::PercentDecode(aiges::EncodeMessage(text), false) == text);
  Check(aiges::DecodeBinary(aiges::EncodeBinary(text)) == text);
  const auto timeout = aiges::ParseTimeout(text);
  Check(!timeout || *timeout >= aiges::Duration::zero());
  (void)aiges::DecodeBinary(text);
  (void)aiges::IsGrpc(text);
  (void)aiges::AcceptsGzip(text);
  aiges::Fields trailers;
  aiges::AddStatus({aiges::GrpcCode::kInternal, std::string(text)}, &trailers);
  for (const char c : trailers.Find("grpc-message")) Check(c >= 0x20 && c < 0x7F);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  HeapPool pool;
  aiges::Account account("max_input_bytes", 1 << 20);
  switch (data[0] % 4) {
    case 0: {
      const Whole all = ReadAll(rest, rest.size() + 1, &pool, &account);
      Check(all == ReadAll(rest, 1, &pool, &account));
      break;
    }
    case 1:
      Unpack(aiges::Coding::kGzip, rest, &pool, &account);
      break;
    case 2:
      Unpack(aiges::Coding::kDeflate, rest, &pool, &account);
      break;
    default:
      Texts(rest);
  }
  Check(account.used() == 0);
  return 0;
}
