// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/content_type.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "loader/base/strings.h"
#include "loader/front/json_string.h"

namespace aiges {
namespace {

constexpr std::string_view kBytes = "application/octet-stream";

// Words of the attribute "encoding".
constexpr std::pair<std::string_view, std::string_view> kByEncoding[] = {
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"png", "image/png"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"bmp", "image/bmp"},
    {"wav", "audio/wav"},
    {"mp3", "audio/mpeg"},
    {"flac", "audio/flac"},
    {"ogg", "audio/ogg"},
    {"mp4", "video/mp4"},
    {"pdf", "application/pdf"},
    {"gbk", "text/plain; charset=gbk"},
    {"gb2312", "text/plain; charset=gb2312"}};

// What formats begin with. `behind`: more of it, at `at`. `only`: of this type of data alone, since
// the bytes are so few that other data may have them.
struct Magic {
  std::string_view begin;
  size_t at;
  std::string_view behind;
  DataType only;
  std::string_view media_type;
};
constexpr auto kAny = static_cast<DataType>(255);
constexpr Magic kMagic[] = {
    {"\x89PNG\r\n\x1a\n", 0, "", kAny, "image/png"},
    {"\xff\xd8\xff", 0, "", kAny, "image/jpeg"},
    {"GIF87a", 0, "", kAny, "image/gif"},
    {"GIF89a", 0, "", kAny, "image/gif"},
    {"RIFF", 8, "WEBP", kAny, "image/webp"},
    {"BM", 0, "", DataType::kImage, "image/bmp"},
    {"RIFF", 8, "WAVE", kAny, "audio/wav"},
    {"fLaC", 0, "", kAny, "audio/flac"},
    {"OggS", 0, "", kAny, "audio/ogg"},
    {"ID3", 0, "", kAny, "audio/mpeg"},
    {"\xff\xfb", 0, "", DataType::kAudio, "audio/mpeg"},
    {"\xff\xf3", 0, "", DataType::kAudio, "audio/mpeg"},
    {"\xff\xf2", 0, "", DataType::kAudio, "audio/mpeg"},
    {"", 4, "ftyp", kAny, "video/mp4"},
    {"%PDF-", 0, "", kAny, "application/pdf"},
};

bool Shows(const Magic& magic, std::string_view data, DataType type) {
  if (magic.only != kAny && magic.only != type) return false;
  return data.substr(0, magic.begin.size()) == magic.begin &&
         data.size() >= magic.at + magic.behind.size() &&
         data.substr(magic.at, magic.behind.size()) == magic.behind;
}

// Printable text, in which words such as "GIF89a" are no picture.
bool IsPlainText(std::string_view data) {
  return data.find('\0') == std::string_view::npos && IsUtf8(data);
}

// Fits on a header line, and looks like a media type.
bool IsMediaType(std::string_view text) {
  const size_t slash = text.find('/');
  return slash != 0 && slash != std::string_view::npos && slash + 1 < text.size() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// What the engine says of this very output; empty where it says nothing that is known.
std::string SaidType(const Payload& output) {
  for (const char* name : {"mime", "content_type"}) {
    const std::string* said = Find(output.desc, name);
    if (said != nullptr && IsMediaType(*said)) return *said;
  }
  if (const std::string* encoding = Find(output.desc, "encoding")) {
    for (const auto& [word, type] : kByEncoding) {
      const bool about_text = type.substr(0, 5) == "text/";
      if (*encoding == word && (!about_text || output.type == DataType::kText)) {
        return std::string(type);
      }
    }
  }
  const std::string* format = Find(output.desc, "format");
  const bool json = output.type == DataType::kText && format != nullptr && *format == "json";
  return json && IsUtf8(output.data.view()) ? "application/json" : "";
}

bool DeclaredAsJson(const Payload& output, const EngineSchema& schema) {
  const auto& outputs = schema.outputs();
  return std::any_of(outputs.begin(), outputs.end(), [&](const EngineSchema::Field& field) {
    return field.key == output.key && field.type == output.type && field.format == "json";
  });
}

// "q=0" and its like among the parameters of a range.
bool IsRefused(std::string_view range) {
  for (size_t at = range.find(';'); at != std::string_view::npos;) {
    const size_t end = range.find(';', at + 1);
    const std::string part = Lowered(Trimmed(range.substr(at + 1, end - at - 1)));
    if (part.rfind("q=", 0) == 0) {
      return part.find_first_of("123456789") == std::string::npos;
    }
    at = end;
  }
  return false;
}

}  // namespace

std::string_view TypeOfBytes(std::string_view data, DataType type) {
  for (const Magic& magic : kMagic) {
    if (Shows(magic, data, type)) return magic.media_type;
  }
  return "";
}

std::string ContentTypeOf(const Payload& output, const EngineSchema& schema) {
  std::string said = SaidType(output);
  if (!said.empty()) return said;
  const std::string_view data = output.data.view();
  const bool text = output.type == DataType::kText && IsPlainText(data);
  const std::string_view shown = TypeOfBytes(data, output.type);
  if (!shown.empty() && (!text || shown == "application/pdf")) return std::string(shown);
  if (output.type != DataType::kText || !IsUtf8(data)) return std::string(kBytes);
  return DeclaredAsJson(output, schema) ? "application/json" : "text/plain; charset=utf-8";
}

DataType TypeOfContent(std::string_view content_type) {
  const std::string media = MediaType(content_type);
  if (media.rfind("image/", 0) == 0) return DataType::kImage;
  if (media.rfind("audio/", 0) == 0) return DataType::kAudio;
  if (media.rfind("video/", 0) == 0) return DataType::kVideo;
  return media == kBytes ? DataType::kOther : DataType::kText;
}

DataType TypeOfInput(std::string_view content_type, const EngineSchema::Field* declared) {
  const DataType type = TypeOfContent(content_type);
  const bool told = type != DataType::kText && type != DataType::kOther;
  return told || declared == nullptr ? type : declared->type;
}

std::string MediaType(std::string_view content_type) {
  return Lowered(Trimmed(content_type.substr(0, content_type.find(';'))));
}

bool Accepts(const std::string* accept, std::string_view media_type) {
  if (accept == nullptr || Trimmed(*accept).empty()) return true;
  const std::string whole_type = StrCat(media_type.substr(0, media_type.find('/')), "/*");
  int best = 0;  // How narrow the range is that decides.
  bool taken = false;
  std::string_view rest = *accept;
  while (!rest.empty()) {
    const std::string_view range = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), range.size() + 1));
    const std::string media = MediaType(range);
    const int narrow = media == media_type ? 3 : media == whole_type ? 2 : media == "*/*" ? 1 : 0;
    if (narrow <= best) continue;
    best = narrow;
    taken = !IsRefused(range);
  }
  return taken;
}

}  // namespace aiges
