// SPDX-License-Identifier: Apache-2.0
// loader/routes/route_table.h: who answers which path. A pattern has one owner.
//
// Patterns are paths, percent-decoded, whose segments may be variable:
//   /a/b       this path
//   /a/{x}     any one segment that is not empty
//   /a/{x..}   all that begins with "/a/"; only as the last one
// A method of gRPC is a path, too: "/pkg.Service/{method}".
//
// Which pattern has a path that several fit is decided segment by segment: the text itself is
// before a variable segment, and that before the rest. So an exact path comes first, then the
// longer literal prefix, then one segment, then what takes all. Under "/-/", which is the loader's,
// only patterns that begin with it are looked at.
//
// Owners come and go while the table is in use. Two firm claims of one pattern are a mistake of
// who claims last, and name both. A claim that yields answers where no firm one fits, of whatever
// pattern: what an app takes as a whole is the app's.
//
// Threads: the lane's, and before it runs whoever sets it up. An owner lives as long as it has a
// claim; what it has begun may live longer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/base/status.h"
#include "loader/front/exchange.h"
#include "loader/front/http_types.h"

namespace aiges {

// What a key must allow of who asks, where keys are in force (access.h).
enum class Need {
  kNothing,  // Everybody.
  kKey,      // Any key.
  kCall,
  kAdmin,
};

// Who answers the paths of some patterns, for all methods of HTTP.
class RouteOwner {
 public:
  RouteOwner(std::string name, Need need) : name_(std::move(name)), need_(need) {}
  virtual ~RouteOwner() = default;
  RouteOwner(const RouteOwner&) = delete;
  RouteOwner& operator=(const RouteOwner&) = delete;

  // For messages: "the loader".
  const std::string& name() const { return name_; }
  Need need() const { return need_; }
  // Who asks may not: answers so, in the owner's words.
  virtual void Refuse(Exchange* exchange, const Status& why) = 0;
  // As Handler::Begin.
  virtual std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) = 0;
  // Its paths are methods of gRPC.
  virtual bool is_grpc() const { return false; }
  // Its paths are the loader's pages, and what changes the loader.
  virtual bool is_page() const { return false; }
  // Of who wants a request with its whole body. Nothing: Begin alone serves.
  virtual const HttpHandler* whole() const { return nullptr; }

 private:
  const std::string name_;
  const Need need_;
};

enum class Hold {
  kFirm,
  kYields,
  kOwn,  // As kFirm, of the loader's own under "/-/", and there only.
};

class RouteTable {
 public:
  using Pattern = std::pair<std::string, Hold>;

  // All of them or none. Not ok: a pattern that is none, or that another has.
  Status Claim(const std::vector<Pattern>& patterns, const std::shared_ptr<RouteOwner>& owner);
  // All that it has. Nothing happens where it has none.
  void Release(const RouteOwner* owner);

  // Nobody: nullptr. `path`: percent-decoded, without the query.
  RouteOwner* Find(std::string_view path) const;
  // The pattern by which it is his; empty: nobody's. Good until the next Claim or Release.
  std::string_view PatternOf(std::string_view path) const;

 private:
  struct Slot {
    std::string pattern;
    std::shared_ptr<RouteOwner> firm, yields;
    std::shared_ptr<RouteOwner>& of(Hold hold) { return hold == Hold::kYields ? yields : firm; }
    RouteOwner* owner(Hold hold) const { return hold == Hold::kYields ? yields.get() : firm.get(); }
    bool Drop(const RouteOwner* owner);  // True: it is empty.
  };
  // A place in the tree of segments.
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> next;
    std::unique_ptr<Node> any;  // {x}
    Slot end, rest;             // What ends here, and "{x..}" behind it.

    bool Drop(const RouteOwner* owner);  // The same.
  };

  // With an owner of that hold.
  static const Slot* Find(const Node& node, std::string_view path, Hold hold);
  const Slot* FindSlot(std::string_view path, Hold* hold) const;
  Slot* Place(std::string_view pattern);  // Makes it.

  Node root_, own_;  // own_: what lies under "/-/".
};

// The path of a request's target (RequestHead::target), percent-decoded, as patterns have it. In
// `room`, or in `target`.
std::string_view RoutePath(std::string_view target, std::string* room);

}  // namespace aiges
