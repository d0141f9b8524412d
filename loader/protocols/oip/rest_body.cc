// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/oip/rest_body.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "loader/base/strings.h"

namespace aiges::oip {
namespace {

constexpr size_t kWorthPacking = 1024;

std::optional<Coding> Named(std::string_view name) {
  const std::string low = Lowered(Trimmed(name));
  if (low.empty() || low == "identity") return Coding::kIdentity;
  if (low == "gzip" || low == "x-gzip") return Coding::kGzip;
  if (low == "deflate") return Coding::kDeflate;
  return std::nullopt;
}

// "q=0.5" behind the name of a coding.
double WeightOf(std::string_view parameters) {
  const size_t at = parameters.find("q=");
  if (at == std::string_view::npos) return 1;
  return std::strtod(std::string(parameters.substr(at + 2, 8)).c_str(), nullptr);
}

}  // namespace

std::optional<Coding> CodingOf(const HttpRequest& request) {
  const std::string* said = Find(request.headers, "content-encoding");
  return said == nullptr ? Coding::kIdentity : Named(*said);
}

Coding WantedCoding(const HttpRequest& request) {
  const std::string* said = Find(request.headers, "accept-encoding");
  Coding best = Coding::kIdentity;
  double weight = 0;
  std::string_view rest = said == nullptr ? std::string_view() : std::string_view(*said);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view one = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const size_t semicolon = std::min(one.find(';'), one.size());
    const std::optional<Coding> coding = Named(one.substr(0, semicolon));
    const double q = WeightOf(one.substr(semicolon));
    if (!coding || Trimmed(one).empty() || q <= weight) continue;
    best = *coding;
    weight = q;
  }
  return best;
}

Status Unpack(Coding coding, const Bytes& body, uint64_t most, const Memory& memory, Bytes* out) {
  Unpacker unpacker(coding, body, most, memory.pool, memory.account);
  for (;;) {
    switch (unpacker.Step()) {
      case Packing::kMore:
        continue;
      case Packing::kDone:
        *out = unpacker.Take();
        return Status::Ok();
      case Packing::kBroken:
        return Status::Error(StatusKind::kInvalid,
                             "the body is not packed as Content-Encoding says");
      case Packing::kTooLong:
        return Status::Error(
            StatusKind::kInvalid,
            StrCat("the unpacked body is longer than [limits] max_message_bytes = ", most));
      case Packing::kNoRoom:
        return memory.NoRoom();
    }
  }
}

void Pack(Coding coding, BufferPool* pool, Account* output, HttpResponse* response) {
  size_t size = 0;
  for (const Bytes& piece : response->body) size += piece.size();
  if (coding == Coding::kIdentity || size < kWorthPacking || response->stream != nullptr) return;
  Packer packer(response->body, pool, output, coding);
  Packing result = packer.Step();
  while (result == Packing::kMore) result = packer.Step();
  if (result != Packing::kDone) return;  // It goes as it is.
  response->body = {packer.Take()};
  response->headers.emplace_back("Content-Encoding", coding == Coding::kGzip ? "gzip" : "deflate");
}

}  // namespace aiges::oip
