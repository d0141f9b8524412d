// SPDX-License-Identifier: Apache-2.0
#include "xtest/slices.h"

#include <algorithm>

namespace aiges {
namespace {

// Kinds of H.264 NAL units (ITU-T H.264, table 7-1).
constexpr int kSlice = 1, kIdrSlice = 5, kSei = 6, kSps = 7, kPps = 8, kDelimiter = 9;

struct Unit {
  size_t at;  // Of its start code.
  int kind;
  bool first_slice;  // Of a picture: first_mb_in_slice is 0, which is a 1 bit.
};

std::vector<Unit> FindUnits(std::string_view video) {
  constexpr std::string_view kCode("\0\0\1", 3);
  std::vector<Unit> units;
  for (size_t at = video.find(kCode); at != video.npos; at = video.find(kCode, at + 3)) {
    const size_t body = at + 3;
    if (body >= video.size()) break;
    Unit unit{};
    unit.at = at > 0 && video[at - 1] == '\0' ? at - 1 : at;
    unit.kind = video[body] & 31;
    unit.first_slice = body + 1 < video.size() && (video[body + 1] & 0x80) != 0;
    units.push_back(unit);
  }
  return units;
}

}  // namespace

std::vector<std::string_view> CutAccessUnits(std::string_view video) {
  std::vector<std::string_view> result;
  size_t begin = 0;
  bool picture = false;  // The access unit at `begin` has one.
  for (const Unit& unit : FindUnits(video)) {
    const bool slice = unit.kind >= kSlice && unit.kind <= kIdrSlice;
    const bool header =
        unit.kind == kSei || unit.kind == kSps || unit.kind == kPps || unit.kind == kDelimiter;
    if (picture && (header || (slice && unit.first_slice))) {
      result.push_back(video.substr(begin, unit.at - begin));
      begin = unit.at;
      picture = false;
    }
    picture = picture || slice;
  }
  result.push_back(video.substr(begin));
  return result;
}

std::vector<std::string_view> CutLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (lines.empty()) lines.emplace_back();
  return lines;
}

std::vector<std::string_view> CutBytes(std::string_view data, size_t bytes) {
  if (bytes == 0 || data.size() <= bytes) return {data};
  std::vector<std::string_view> slices;
  for (; !data.empty(); data.remove_prefix(slices.back().size())) {
    slices.push_back(data.substr(0, bytes));
  }
  return slices;
}

Slices::Slices(const Plan& plan) {
  for (const InputStream& stream : plan.inputs) {
    auto& files = streams_.emplace_back();
    if (plan.mode == Mode::kFiles) {
      auto& all = files.emplace_back();
      for (const auto& file : stream.data) all.push_back(*file);
    } else if (plan.mode == Mode::kLines) {
      files.push_back(CutLines(*stream.data.front()));
      return;  // The other streams have no lines.
    } else if (stream.type == DataType::kVideo && plan.mode == Mode::kSession) {
      for (const auto& file : stream.data) files.push_back(CutAccessUnits(*file));
    } else {
      for (const auto& file : stream.data) files.push_back(CutBytes(*file, stream.slice_bytes));
    }
  }
}

uint64_t Slices::LongestMs(const Plan& plan) const {
  uint64_t longest = 0;
  for (size_t s = 0; s < streams_.size(); ++s) {
    for (const auto& packets : streams_[s]) {
      longest = std::max(longest, plan.inputs[s].interval_ms * (packets.size() - 1));
    }
  }
  return longest;
}

void PacketCursor::Begin(const Plan* plan, const Slices* slices, uint64_t index) {
  plan_ = plan;
  slices_ = slices;
  index_ = index;
  sync_id_ = 0;
  sent_.assign(slices->streams(), 0);
  left_ = 0;
  for (size_t s = 0; s < sent_.size(); ++s) left_ += slices->Of(s, index).size();
  FindNext();
}

void PacketCursor::FindNext() {
  next_ms_ = UINT64_MAX;
  for (size_t s = 0; s < sent_.size(); ++s) {
    if (sent_[s] == slices_->Of(s, index_).size()) continue;
    next_ms_ = std::min(next_ms_, plan_->inputs[s].interval_ms * sent_[s]);
  }
}

void PacketCursor::Take(Packet* out) {
  out->parts.clear();
  out->at_ms = next_ms_;
  out->sync_id = ++sync_id_;
  for (size_t s = 0; s < sent_.size(); ++s) {
    const auto& slices = slices_->Of(s, index_);
    const size_t n = sent_[s];
    if (n == slices.size() || plan_->inputs[s].interval_ms * n != next_ms_) continue;
    Packet::Part& part = out->parts.emplace_back();
    part.stream = s;
    part.data = slices[n];
    part.status = n + 1 == slices.size() ? 2 : n == 0 ? 0 : 1;
    part.seq = n + (plan_->mode == Mode::kLines ? 1 : 0);  // Lines are counted from 1.
    ++sent_[s];
    --left_;
  }
  FindNext();
}

}  // namespace aiges
