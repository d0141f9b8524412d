// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/route_table.h"

#include <algorithm>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr std::string_view kOwn = "/-/";
// More is no pattern of a person, and every segment is a step of each search.
constexpr size_t kMostSegments = 32, kMostLength = 1024;

bool IsVariable(std::string_view segment) { return segment.starts_with('{'); }
bool IsRest(std::string_view segment) { return segment.ends_with("..}"); }

// Takes the first segment from the text behind a '/'. `last`: nothing follows.
std::string_view TakeSegment(std::string_view* rest, bool* last) {
  const size_t slash = rest->find('/');
  *last = slash == std::string_view::npos;
  const std::string_view segment = rest->substr(0, slash);
  rest->remove_prefix(*last ? rest->size() : slash + 1);
  return segment;
}

// What is wrong with it; empty: nothing.
std::string Problem(std::string_view pattern) {
  if (!pattern.starts_with('/')) return "expected a path that begins with /";
  if (pattern.size() > kMostLength) return StrCat("expected at most ", kMostLength, " bytes");
  std::string_view rest = pattern.substr(1);
  size_t segments = 0;
  for (bool last = false; !last;) {
    const std::string_view segment = TakeSegment(&rest, &last);
    if (++segments > kMostSegments) return StrCat("expected at most ", kMostSegments, " segments");
    const bool braces = segment.find_first_of("{}") != std::string_view::npos;
    if (!IsVariable(segment)) {
      if (braces) return StrCat("expected {name} as a whole segment, got ", segment);
      continue;
    }
    const size_t name = segment.size() - (IsRest(segment) ? 3 : 1);
    if (segment.find('}') != segment.size() - 1 || segment.rfind('{') != 0 || name < 2) {
      return StrCat("expected {name} as a whole segment, got ", segment);
    }
    if (IsRest(segment) && !last) return StrCat("expected nothing behind ", segment);
  }
  return "";
}

}  // namespace

bool RouteTable::Slot::Drop(const RouteOwner* owner) {
  if (firm.get() == owner) firm = nullptr;
  if (yields.get() == owner) yields = nullptr;
  return firm == nullptr && yields == nullptr;
}

bool RouteTable::Node::Drop(const RouteOwner* owner) {
  std::erase_if(next, [owner](auto& child) { return child.second->Drop(owner); });
  if (any != nullptr && any->Drop(owner)) any = nullptr;
  const bool no_end = end.Drop(owner), no_rest = rest.Drop(owner);
  return no_end && no_rest && next.empty() && any == nullptr;
}

RouteTable::Slot* RouteTable::Place(std::string_view pattern) {
  const bool own = pattern.starts_with(kOwn);
  Node* node = own ? &own_ : &root_;
  std::string_view rest = pattern.substr(own ? kOwn.size() : 1);
  for (bool last = false; !last;) {
    const std::string_view segment = TakeSegment(&rest, &last);
    if (IsVariable(segment) && IsRest(segment)) return &node->rest;
    std::unique_ptr<Node>& next = IsVariable(segment)
                                      ? node->any
                                      : node->next.try_emplace(std::string(segment)).first->second;
    if (next == nullptr) next = std::make_unique<Node>();
    node = next.get();
  }
  return &node->end;
}

Status RouteTable::Claim(const std::vector<Pattern>& patterns,
                         const std::shared_ptr<RouteOwner>& owner) {
  std::vector<std::pair<Slot*, Hold>> taken;
  std::string problem;
  for (const auto& [pattern, hold] : patterns) {
    problem = Problem(pattern);
    if (problem.empty() && pattern.starts_with(kOwn) != (hold == Hold::kOwn)) {
      problem = StrCat("claimed by ", owner->name(), ", but ", kOwn, " is the loader's own");
    }
    if (problem.empty()) {
      Slot* slot = Place(pattern);
      const std::shared_ptr<RouteOwner>& other = slot->of(hold);
      if (other == nullptr) {
        slot->of(hold) = owner;
        slot->pattern = pattern;
        taken.emplace_back(slot, hold);
        continue;
      }
      problem = StrCat("claimed by ", owner->name(), ", but ", other->name(), " has it");
    }
    for (const auto& [slot, was] : taken) slot->of(was) = nullptr;
    root_.Drop(nullptr);  // Places that were made for nothing.
    own_.Drop(nullptr);
    return Status::Error(StatusKind::kInvalid, StrCat("route ", pattern, ": ", problem));
  }
  return Status::Ok();
}

void RouteTable::Release(const RouteOwner* owner) {
  root_.Drop(owner);
  own_.Drop(owner);
}

// No node is visited twice: each has one way to it.
const RouteTable::Slot* RouteTable::Find(const Node& node, std::string_view path, Hold hold) {
  bool last = false;
  std::string_view behind = path;
  const std::string_view segment = TakeSegment(&behind, &last);
  const auto owned = [hold](const Slot& slot) {
    return slot.owner(hold) != nullptr ? &slot : nullptr;
  };
  const auto literal = node.next.find(segment);
  const bool fits = node.any != nullptr && !segment.empty();
  for (const Node* next : {literal == node.next.end() ? nullptr : literal->second.get(),
                           fits ? node.any.get() : nullptr}) {
    if (next == nullptr) continue;
    const Slot* found = last ? owned(next->end) : Find(*next, behind, hold);
    if (found != nullptr) return found;
  }
  return owned(node.rest);
}

const RouteTable::Slot* RouteTable::FindSlot(std::string_view path, Hold* hold) const {
  if (!path.starts_with('/')) return nullptr;
  const bool own = path.starts_with(kOwn);
  path.remove_prefix(own ? kOwn.size() : 1);
  for (const Hold each : {Hold::kFirm, Hold::kYields}) {
    *hold = each;
    if (const Slot* found = Find(own ? own_ : root_, path, each)) return found;
  }
  return nullptr;
}

RouteOwner* RouteTable::Find(std::string_view path) const {
  Hold hold = Hold::kFirm;
  const Slot* const found = FindSlot(path, &hold);
  return found == nullptr ? nullptr : found->owner(hold);
}

std::string_view RouteTable::PatternOf(std::string_view path) const {
  Hold hold = Hold::kFirm;
  const Slot* const found = FindSlot(path, &hold);
  return found == nullptr ? std::string_view() : std::string_view(found->pattern);
}

std::string_view RoutePath(std::string_view target, std::string* room) {
  std::string_view path = PathOf(target);
  if (path.find('%') == std::string_view::npos) return path;
  *room = PercentDecode(path, /*plus_is_space=*/false);
  return *room;
}

}  // namespace aiges
