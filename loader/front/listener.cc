// SPDX-License-Identifier: Apache-2.0
#include "loader/front/listener.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <utility>

#include "loader/api/codes.h"
#include "loader/base/log.h"
#include "loader/base/strings.h"
#include "loader/front/byte_stream.h"
#include "loader/front/http_head.h"

namespace aiges {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kRetryAccept = std::chrono::milliseconds(100);
constexpr auto kSayAgain = std::chrono::seconds(10);
// A connection that rests for so long gives way to a new one when there is no room.
constexpr auto kMayGo = std::chrono::seconds(1);
// Clients beyond the limit that may be told so at a time; others are closed without a word.
constexpr size_t kMostRefused = 64;
constexpr int kBacklog = 1024;
// Descriptors of one worker, while one ends and the next begins.
constexpr uint64_t kPerInstance = 16;

Fd OpenSpare() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

uint64_t OpenDescriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 64;
  uint64_t count = 0;
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

// Takes away a socket that nobody listens to.
Status RemoveStale(const std::string& path) {
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0) return Status::Ok();
  if (!S_ISSOCK(about.st_mode)) {
    return Status::Error(StatusKind::kInvalid, "the file is there, and is no socket");
  }
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int connected =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected == 0 || errno != ECONNREFUSED) {
    return Status::Error(StatusKind::kInvalid, ErrnoText(EADDRINUSE));
  }
  ::unlink(path.c_str());
  return Status::Ok();
}

// A port of IPv6 shows clients of IPv4 as ::ffff:127.0.0.1.
asio::ip::address Unmapped(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

Peer PeerOf(const asio::generic::stream_protocol::endpoint& from, uint16_t local_port) {
  Peer peer;
  peer.local_port = local_port;
  if (from.protocol().family() == AF_UNIX) {
    peer.address = "unix";
    peer.loopback = true;
    return peer;
  }
  tcp::endpoint address;
  if (from.size() > address.capacity()) return peer;
  std::copy_n(reinterpret_cast<const char*>(from.data()), from.size(),
              reinterpret_cast<char*>(address.data()));
  const asio::ip::address ip = Unmapped(address.address());
  peer.address = StrCat(ip.to_string(), ":", address.port());
  peer.loopback = ip.is_loopback();
  return peer;
}

}  // namespace

void LowerToDescriptors(const Settings& settings, Account* connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  const uint64_t others = OpenDescriptors() + kPerInstance * settings.instances.count;
  const uint64_t left = limit.rlim_cur > others ? limit.rlim_cur - others : 0;
  const uint64_t most = std::max<uint64_t>(left / 4 * 3, 4);
  if (connections->limit() <= most) return;
  LogWarn("front", "taking ", most,
          " connections instead of [limits] max_connections = ", connections->limit(),
          ": with more, the limit of ", limit.rlim_cur, " descriptors (ulimit -n) would end in \"",
          ErrnoText(EMFILE), "\"");
  connections->Lower(most);
}

Listener::Listener(FrontLane* lane, Transports* transports, const PortRules& rules, bool admin)
    : lane_(*lane),
      transports_(*transports),
      rules_(rules),
      admin_(admin),
      acceptor_(lane->io),
      retry_(lane->io),
      spare_(OpenSpare()) {}

Status Listener::Open(const std::string& host, uint16_t port, bool reuseport) {
  error_code ec;
  tcp::resolver resolver(lane_.io);
  const auto found = resolver.resolve(host, std::to_string(port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, ec);
  if (ec) return Status::Error(StatusKind::kInvalid, ec.message());
  const tcp::endpoint endpoint = *found.begin();
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  const int on = 1;
  if (!ec && reuseport &&
      ::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    ec = {errno, boost::system::system_category()};
  }
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(kBacklog, ec);
  if (!ec) acceptor_.non_blocking(true, ec);  // For TurnAway.
  if (ec) return Status::Error(StatusKind::kInvalid, ec.message());
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&bound), &size);
  // The port is at the same place in both families.
  port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
  return Status::Ok();
}

Status Listener::OpenUnix(const std::string& path) {
  if (Status status = RemoveStale(path); !status.ok()) return status;
  constexpr mode_t kOwnerAndGroup = 0660;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  error_code ec;
  acceptor_.open(Protocol(AF_UNIX, 0), ec);
  // Before it is there: so nobody else gets in before chmod.
  if (!ec) ::fchmod(acceptor_.native_handle(), kOwnerAndGroup);
  if (!ec) acceptor_.bind({&address, sizeof address, 0}, ec);
  if (!ec && ::chmod(path.c_str(), kOwnerAndGroup) != 0) {
    ec = {errno, boost::system::system_category()};
  }
  if (!ec) acceptor_.listen(kBacklog, ec);
  if (!ec) acceptor_.non_blocking(true, ec);
  if (ec) return Status::Error(StatusKind::kInvalid, ec.message());
  struct stat about{};
  if (::lstat(path.c_str(), &about) == 0) {
    path_ = path;
    inode_ = about.st_ino;
  }
  return Status::Ok();
}

void Listener::Close() {
  struct stat about{};
  const std::string path = std::exchange(path_, {});
  if (!path.empty() && ::lstat(path.c_str(), &about) == 0 && about.st_ino == inode_) {
    ::unlink(path.c_str());  // Not where another one has taken its place.
  }
  error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
}

void Listener::Accept() {
  acceptor_.async_accept(from_, [this](error_code ec, Protocol::socket socket) {
    if (ec == asio::error::operation_aborted || lane_.stopping) return;
    if (ec && ec != asio::error::connection_aborted) return OnAcceptFailed(ec);
    if (!ec) Admit(std::move(socket), from_);
    Accept();
  });
}

void Listener::Admit(Protocol::socket socket, const Protocol::endpoint& from) {
  Share share(&lane_.budget.connections);
  const bool room = share.TrySet(1) || (MakeRoom() && share.TrySet(1));
  if (!room && lane_.clients.size() >= lane_.budget.connections.limit() + kMostRefused) return;
  Peer peer = PeerOf(from, port_);
  peer.admin = admin_;
  const auto client =
      std::make_shared<Newcomer>(MakeSocketStream(std::move(socket), std::move(share)),
                                 std::move(peer), rules_, &lane_, &transports_);
  lane_.clients.insert(client);
  if (room) return client->Start();
  client->Refuse(ConnectionError(503, lane_.budget.connections.Text(), kCodeNoLicence));
}

// Closes the connection that has rested longest, if that is long enough.
bool Listener::MakeRoom() {
  if (lane_.resting.empty()) return false;
  LaneConnection& oldest = *lane_.resting.front();
  if (std::chrono::steady_clock::now() - oldest.resting_since() < kMayGo) return false;
  oldest.Close();
  return true;
}

// No descriptor or no memory: the client stays in the system's queue, and asking at once would
// spin.
void Listener::OnAcceptFailed(const error_code& ec) {
  const TimePoint now = std::chrono::steady_clock::now();
  if (now - said_ >= kSayAgain) {
    said_ = now;
    LogWarn("front", "cannot accept connections: ", ec.message(), "; ", lane_.clients.size(),
            " are open. Raise the limit of descriptors (ulimit -n), or lower [limits] "
            "max_connections");
  }
  if (!MakeRoom()) TurnAway();
  retry_.expires_after(kRetryAccept);
  retry_.async_wait([this](error_code stopped) {
    if (!stopped && !lane_.stopping) Accept();
  });
}

// With the descriptor that was kept for this: better told than left waiting.
void Listener::TurnAway() {
  const std::string answer = LastAnswer(ConnectionError(503, "out of descriptors", kCodeNoLicence));
  for (size_t i = 0; i < kMostRefused; ++i) {
    spare_.Reset();
    const Fd client(
        ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.valid()) {
      if (rules_.plain)
        (void)::send(client.get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      ::shutdown(client.get(), SHUT_WR);
    }
    if (!client.valid()) break;
  }
  spare_ = OpenSpare();
}

}  // namespace aiges
