// SPDX-License-Identifier: Apache-2.0
// Whatever bytes come over an HTTP/1.1 connection: read alike in one piece and byte by byte, and
// see front_echo.h.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "loader/base/strings.h"
#include "loader/front/h1_connection.h"
#include "loader/front/h1_reader.h"
#include "tests/fuzz/front_echo.h"

namespace {

using aiges::H1Reader;

constexpr uint32_t kHeadBytes = 2048;
// More in one piece could be the begin of a chunk that is too long where it comes in two.
constexpr size_t kMostInput = 16 * 1024;

struct Body final : H1Reader::Sink {
  void OnPiece(std::string_view piece) override { text += piece; }
  std::string text;
};

void Append(const aiges::Fields& fields, std::string* out) {
  for (const aiges::Fields::Field f : fields) aiges::StrAppend(out, f.name, ": ", f.value, "\n");
}

// All requests of `input`, which comes in pieces of `size`, as text.
std::string Requests(std::string_view input, size_t size) {
  std::string out, waiting;
  Body body;
  H1Reader reader(kHeadBytes, &body);
  while (!input.empty()) {
    waiting += input.substr(0, size);
    input.remove_prefix(std::min(input.size(), size));
    std::string_view rest = waiting;
    for (H1Reader::Step step{}; !rest.empty() && step != H1Reader::Step::kMore;) {
      step = reader.Take(&rest);
      if (step == H1Reader::Step::kBroken) {
        return aiges::StrCat(out, body.text, "\nbroken: ", reader.error().status);
      }
      if (step == H1Reader::Step::kHead) {
        const aiges::RequestHead head = reader.TakeHead(false);
        aiges::Check(head.fields.cost() <= kHeadBytes * 2);
        Append(head.fields, &out);
        aiges::StrAppend(&out, "keeps: ", reader.manner().keep_alive ? "yes\n" : "no\n");
      }
      if (!reader.done()) continue;
      aiges::StrAppend(&out, body.text, "\nend\n");
      Append(reader.trailers(), &out);
      body.text.clear();
      reader.Next();
    }
    waiting.erase(0, waiting.size() - rest.size());
  }
  return out + body.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using aiges::H1Connection;
  const std::string_view input(reinterpret_cast<const char*>(data), std::min(size, kMostInput));
  const std::string whole = Requests(input, kMostInput);
  aiges::Check(whole == Requests(input, 1));
  aiges::Check(whole == Requests(input, 7));
  void (*const leave)(H1Connection&) = [](H1Connection& connection) { connection.Leave(); };
  aiges::Drive<H1Connection>({}, input, size % 3 == 0 ? leave : nullptr);
  return 0;
}
