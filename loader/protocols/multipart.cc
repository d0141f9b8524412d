// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/multipart.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "loader/api/codes.h"
#include "loader/base/strings.h"
#include "loader/front/http_types.h"
#include "loader/front/json_string.h"
#include "loader/protocols/content_type.h"

namespace aiges {
namespace {

constexpr size_t kMostShown = 80;

Status Wrong(std::string text) {
  if (text.size() > 2 * kMostShown) text = StrCat(text.substr(0, 2 * kMostShown), "..");
  return Status::Error(StatusKind::kInvalid, StrCat("multipart/form-data: ", VisibleUtf8(text)),
                       kCodeConversion);
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

void SkipBlanks(std::string_view* text) {
  while (!text->empty() && IsBlank(text->front())) text->remove_prefix(1);
}

size_t FindIn(std::string_view text, std::string_view wanted, size_t from) {
  const void* found =
      ::memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

// A token, or what is between quotes: \" and \\ there are one character each. A lone backslash is
// one, as in paths that old browsers send. Nothing when a quote does not end.
std::optional<std::string> ReadValue(std::string_view* text) {
  std::string out;
  if (text->empty() || text->front() != '"') {
    out = text->substr(0, text->find_first_of("; \t"));
    text->remove_prefix(out.size());
    return out;
  }
  for (size_t i = 1; i < text->size(); ++i) {
    char c = (*text)[i];
    if (c == '"') {
      text->remove_prefix(i + 1);
      return out;
    }
    const char next = i + 1 < text->size() ? (*text)[i + 1] : '\0';
    if (c == '\\' && (next == '"' || next == '\\')) {
      c = next;
      ++i;
    }
    out.push_back(c);
  }
  return std::nullopt;
}

// `; name=value; ..`, names in lower case. Nothing when it is of another form.
std::optional<Pairs> ReadParameters(std::string_view text) {
  Pairs out;
  for (;;) {
    SkipBlanks(&text);
    if (text.empty()) return out;
    if (text.front() != ';') return std::nullopt;
    text.remove_prefix(1);
    SkipBlanks(&text);
    if (text.empty()) return out;  // A semicolon at the end does no harm.
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    std::string name = Lowered(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    std::optional<std::string> value = ReadValue(&text);
    if (!value) return std::nullopt;
    out.emplace_back(std::move(name), *std::move(value));
  }
}

// How forms of web pages write what a quoted string cannot hold (HTML standard, "multipart/form-
// data encoding algorithm").
std::string Unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view three = text.substr(i, 3);
    const char c = three == "%22"                     ? '"'
                   : three == "%0D" || three == "%0d" ? '\r'
                   : three == "%0A" || three == "%0a" ? '\n'
                                                      : '\0';
    if (c != '\0') i += 2;
    out.push_back(c != '\0' ? c : text[i]);
  }
  return out;
}

// A name, also in the form of RFC 8187 (`name*=utf-8''%c3%bc`), which some clients send.
std::optional<std::string> NameOf(const Pairs& parameters, const std::string& name) {
  if (const std::string* plain = Find(parameters, name)) return Unescaped(*plain);
  const std::string* coded = Find(parameters, name + "*");
  if (coded == nullptr || Lowered(*coded).rfind("utf-8'", 0) != 0) return std::nullopt;
  const size_t quote = coded->find('\'', 6);
  if (quote == std::string::npos) return std::nullopt;
  return PercentDecode(std::string_view(*coded).substr(quote + 1), /*plus_is_space=*/false);
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// What is wrong with a name; empty where nothing is.
std::string NameProblem(std::string_view name) {
  if (name.empty()) return "an empty one";
  if (std::any_of(name.begin(), name.end(), IsControl)) return "one with control characters";
  return "";
}

Status ReadDisposition(const std::string& where, std::string_view value, FormPart* part) {
  const std::string expected =
      StrCat(where, ": expected Content-Disposition: form-data; name=\"..\"");
  const std::string kind = MediaType(value);
  const auto parameters = ReadParameters(value.substr(std::min(value.size(), value.find(';'))));
  if (kind != "form-data" || !parameters) return Wrong(StrCat(expected, ", got ", value));
  const std::optional<std::string> name = NameOf(*parameters, "name");
  if (!name) return Wrong(StrCat(expected, ", got no name"));
  const std::string problem = NameProblem(*name);
  if (!problem.empty()) return Wrong(StrCat(expected, ", got ", problem));
  part->name = *name;
  part->filename = NameOf(*parameters, "filename");
  return Status::Ok();
}

// The lines before the data, without the empty one.
Status ReadHead(const std::string& where, std::string_view head, FormPart* part) {
  bool has_disposition = false;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || IsBlank(line.front())) {
      return Wrong(StrCat(where, ": expected a header `Name: value`, got ", line));
    }
    const std::string name = Lowered(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    SkipBlanks(&value);
    if (name == "content-disposition") {
      const Status status = ReadDisposition(where, value, part);
      if (!status.ok()) return status;
      has_disposition = true;
    } else if (name == "content-type") {
      part->content_type = value;
    } else if (name == "content-transfer-encoding") {
      const std::string coding = MediaType(value);
      if (coding == "7bit" || coding == "8bit" || coding == "binary") continue;
      return Wrong(StrCat(where, ": expected data as they are, got ", line));
    }
  }
  if (has_disposition) return Status::Ok();
  return Wrong(StrCat(where, ": expected Content-Disposition: form-data; name=\"..\", got none"));
}

Status ReadBoundary(std::string_view content_type, std::string* out) {
  const size_t begin = std::min(content_type.size(), content_type.find(';'));
  const auto parameters = ReadParameters(content_type.substr(begin));
  const std::string* boundary = parameters ? Find(*parameters, "boundary") : nullptr;
  if (boundary == nullptr || boundary->empty()) {
    return Wrong(
        StrCat("expected Content-Type: multipart/form-data; boundary=.., got ", content_type));
  }
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  };
  if (boundary->size() > kLongestBoundary || boundary->back() == ' ' ||
      !std::all_of(boundary->begin(), boundary->end(), allowed)) {
    return Wrong(StrCat("expected a boundary of 1 to ", kLongestBoundary,
                        " characters (RFC 2046, section 5.1.1), got ", *boundary));
  }
  *out = *boundary;
  return Status::Ok();
}

// Walks over the delimiters of a body.
class Parts {
 public:
  Parts(std::string_view body, const std::string& boundary)
      : body_(body), line_("--" + boundary), delimiter_("\r\n" + line_) {}

  // To the first one: what stands before it is for readers without MIME.
  bool Begin() {
    if (body_.substr(0, line_.size()) == line_) {
      at_ = line_.size();
      return true;
    }
    return Advance(nullptr);
  }

  // Whether the delimiter just passed is the last.
  bool AtEnd() const { return body_.substr(at_, 2) == "--"; }

  // Over what may stand behind a delimiter.
  bool EndLine() {
    while (at_ < body_.size() && IsBlank(body_[at_])) ++at_;
    if (body_.substr(at_, 2) != "\r\n") return false;
    at_ += 2;
    return true;
  }

  // The lines up to an empty one; nothing when none is near.
  std::optional<std::string_view> Head() {
    if (body_.substr(at_, 2) == "\r\n") {
      at_ += 2;
      return std::string_view();
    }
    const std::string_view near = body_.substr(at_, kLongestPartHead + 4);
    const size_t end = near.find("\r\n\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    at_ += end + 4;
    return near.substr(0, end);
  }

  // To behind the next delimiter; `between` gets what was passed.
  bool Advance(std::string_view* between) {
    const size_t found = FindIn(body_, delimiter_, at_);
    if (found == std::string_view::npos) return false;
    if (between != nullptr) *between = body_.substr(at_, found - at_);
    at_ = found + delimiter_.size();
    return true;
  }

 private:
  const std::string_view body_;
  const std::string line_, delimiter_;
  size_t at_ = 0;
};

}  // namespace

Status ParseForm(std::string_view content_type, const Bytes& body, std::vector<FormPart>* out) {
  std::string boundary;
  Status status = ReadBoundary(content_type, &boundary);
  if (!status.ok()) return status;
  Parts parts(body.view(), boundary);
  if (!parts.Begin()) return Wrong(StrCat("expected the line --", boundary, ", got none"));
  while (!parts.AtEnd()) {
    if (out->size() == kMostParts) {
      return Wrong(StrCat("expected at most ", kMostParts, " parts, got more"));
    }
    const std::string where = StrCat("part ", out->size() + 1);
    if (!parts.EndLine()) {
      return Wrong(StrCat(where, ": expected a line break behind --", boundary, ", got none"));
    }
    const std::optional<std::string_view> head = parts.Head();
    if (!head) {
      return Wrong(StrCat(where, ": expected an empty line within ", kLongestPartHead,
                          " bytes of headers, got none"));
    }
    FormPart& part = out->emplace_back();
    status = ReadHead(where, *head, &part);
    if (!status.ok()) return status;
    std::string_view data;
    if (!parts.Advance(&data)) {
      return Wrong(StrCat(where, " (", part.name, "): expected --", boundary,
                          " behind its data, got the end of the body"));
    }
    part.data = Bytes(data, body.owner());
  }
  return Status::Ok();
}

std::string PartHead(std::string_view boundary, std::string_view name,
                     std::string_view content_type, bool is_first) {
  std::string escaped;
  for (const char c : VisibleUtf8(name)) {
    if (c == '"') {
      escaped += "%22";
    } else if (c == '\r') {
      escaped += "%0D";
    } else if (c == '\n') {
      escaped += "%0A";
    } else if (!IsControl(c)) {
      escaped.push_back(c);
    }
  }
  return StrCat(is_first ? "--" : "\r\n--", boundary, "\r\nContent-Disposition: inline; name=\"",
                escaped, "\"\r\nContent-Type: ", content_type, "\r\n\r\n");
}

std::string PartsEnd(std::string_view boundary) { return StrCat("\r\n--", boundary, "--\r\n"); }

}  // namespace aiges
