// SPDX-License-Identifier: Apache-2.0
#include "loader/front/base64.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

namespace aiges {
namespace {

// OpenSSL takes int lengths: long inputs go through in pieces of whole groups.
constexpr size_t kEncodeStep = 3 * (size_t{1} << 24);
constexpr size_t kDecodeStep = 4 * (size_t{1} << 24);

size_t DecodedRoom(std::string_view text) { return text.size() / 4 * 3; }

// Into DecodedRoom(text) bytes. How many there are; nothing where it is no base64.
std::optional<size_t> Decode(std::string_view text, char* out) {
  if (text.empty()) return 0;
  if (text.size() % 4 != 0) return std::nullopt;
  // EVP_DecodeBlock skips white space at both ends: that is not base64 here.
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) return std::nullopt;
  const size_t padding = text.back() != '=' ? 0 : text[text.size() - 2] == '=' ? 2 : 1;
  const size_t first_pad = text.find('=');
  if (first_pad != std::string_view::npos && first_pad != text.size() - padding) {
    return std::nullopt;
  }
  for (size_t at = 0; at < text.size(); at += kDecodeStep) {
    const size_t n = std::min(kDecodeStep, text.size() - at);
    const int written = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out) + at / 4 * 3,
                                        reinterpret_cast<const unsigned char*>(text.data()) + at,
                                        static_cast<int>(n));
    // Fewer bytes: it takes '-' for the end of the input, and leaves the rest unwritten.
    if (written != static_cast<int>(n / 4 * 3)) return std::nullopt;
  }
  return DecodedRoom(text) - padding;
}

}  // namespace

std::optional<Bytes> DecodeBase64(std::string_view text, BufferPool* buffers) {
  std::string joined;
  if (text.find_first_of("\r\n") != std::string_view::npos) {
    joined.reserve(text.size());
    std::copy_if(text.begin(), text.end(), std::back_inserter(joined),
                 [](char c) { return c != '\r' && c != '\n'; });
    text = joined;
  }
  if (text.empty()) return Bytes();
  Buffer out = buffers->Allocate(DecodedRoom(text));
  const std::optional<size_t> size = Decode(text, out.data);
  if (!size) return std::nullopt;
  out.size = *size;
  return std::move(out).Freeze();
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string out(DecodedRoom(text), '\0');
  const std::optional<size_t> size = Decode(text, out.data());
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

void AppendBase64(std::string* out, std::string_view bytes) {
  const size_t start = out->size();
  // EVP_EncodeBlock ends with a NUL, which falls on the string's own terminator.
  out->resize(start + (bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += kEncodeStep) {
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out->data()) + start + at / 3 * 4,
                    reinterpret_cast<const unsigned char*>(bytes.data()) + at,
                    static_cast<int>(std::min(kEncodeStep, bytes.size() - at)));
  }
}

}  // namespace aiges
