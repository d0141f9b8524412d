// SPDX-License-Identifier: Apache-2.0
#include "loader/metering/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "loader/base/log.h"
#include "loader/base/random.h"
#include "loader/base/strings.h"
#include "loader/metering/crc32c.h"

namespace aiges {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBegin = "segment-", kEnding = ".usage";
constexpr size_t kAcknowledgedSize = 32;  // "<20 digits> <8 hex digits>\n" and zeros.

Status Failed(const char* what, const std::string& path) {
  return Status::Error(StatusKind::kInternal, StrCat("[metering] folder: cannot ", what, " ", path,
                                                     ": ", ErrnoText(errno)));
}

std::string NewInstance() {
  uint64_t high = RandomBits(), low = RandomBits();
  high = (high & ~0xf000ull) | 0x4000;
  low = (low & ~(3ull << 62)) | (2ull << 62);
  char text[37];
  std::snprintf(text, sizeof text, "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32),
                static_cast<unsigned>(high >> 16) & 0xffff, static_cast<unsigned>(high) & 0xffff,
                static_cast<unsigned>(low >> 48),
                static_cast<unsigned long long>(low & 0xffffffffffffull));
  return text;
}

// 0: it is none.
uint64_t SequenceOf(const std::string& name) {
  if (!name.starts_with(kBegin) || !name.ends_with(kEnding)) return 0;
  uint64_t sequence = 0;
  const char* begin = name.data() + kBegin.size();
  const char* end = name.data() + name.size() - kEnding.size();
  return std::from_chars(begin, end, sequence).ptr == end ? sequence : 0;
}

std::string AcknowledgedText(uint64_t number) {
  char text[kAcknowledgedSize + 1];
  std::snprintf(text, sizeof text, "%020llu", static_cast<unsigned long long>(number));
  const uint32_t crc = Crc32c(std::string_view(text, 20));
  std::snprintf(text + 20, sizeof text - 20, " %08x\n", crc);
  return text;
}

}  // namespace

Spool::Spool(const SpoolOptions& options) : options_(options) {}

std::unique_ptr<Spool> Spool::Open(const SpoolOptions& options, Status* status) {
  std::unique_ptr<Spool> spool(new Spool(options));
  *status = spool->Lock();
  if (status->ok()) *status = spool->ReadInstance();
  if (status->ok()) *status = spool->ReadAcknowledged();
  if (status->ok()) *status = spool->Recover();
  if (!status->ok()) return nullptr;
  spool->thread_ = std::thread([raw = spool.get()] {
    pthread_setname_np(pthread_self(), "spool");
    raw->Run();
  });
  return spool;
}

Spool::~Spool() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mu_);
    stopping_ = ended_ = true;
  }
  wake_.NotifyAll();
  durable_wake_.NotifyAll();
  thread_.join();
  MutexLock work(work_mu_);
  SyncAll();
  MutexLock lock(mu_);
  segments_.back()->Cut();
  if (segments_.back()->count() == 0) ::unlink(segments_.back()->path().c_str());
  if (spare_ != nullptr) ::unlink(spare_->path().c_str());
}

Status Spool::Lock() {
  std::error_code error;
  fs::create_directories(options_.folder, error);
  const std::string path = options_.folder + "/lock";
  lock_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!lock_.valid()) return Failed("make", path);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return Status::Ok();
  if (errno != EWOULDBLOCK) return Failed("lock", path);
  return Status::Error(StatusKind::kInvalid,
                       StrCat("[metering] folder: expected one that no other loader uses, got ",
                              options_.folder, ", which another process holds"));
}

Status Spool::ReadInstance() {
  const std::string path = options_.folder + "/instance";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!fd.valid()) return Failed("open", path);
  char text[64] = {};
  const ssize_t n = ::pread(fd.get(), text, sizeof text, 0);
  if (n < 0) return Failed("read", path);
  instance_ = std::string(Trimmed(std::string(text, static_cast<size_t>(n))));
  while (!instance_.empty() && instance_.back() == '\n') instance_.pop_back();
  if (instance_.size() == 36) return Status::Ok();
  instance_ = NewInstance();
  const std::string line = instance_ + "\n";
  const bool written =
      ::pwrite(fd.get(), line.data(), line.size(), 0) == static_cast<ssize_t>(line.size()) &&
      ::fsync(fd.get()) == 0;
  return written ? Status::Ok() : Failed("write", path);
}

Status Spool::ReadAcknowledged() {
  const std::string path = options_.folder + "/acknowledged";
  acknowledged_file_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
  if (!acknowledged_file_.valid()) return Failed("open", path);
  char text[kAcknowledgedSize] = {};
  const ssize_t n = ::pread(acknowledged_file_.get(), text, sizeof text, 0);
  if (n < 0) return Failed("read", path);
  uint64_t number = 0;
  if (n > 0) {
    std::from_chars(text, text + std::min<ssize_t>(n, 20), number);
    const std::string_view there(text, static_cast<size_t>(n));
    if (there != AcknowledgedText(number)) {
      LogWarn("metering", path, " is not as it was written: records may be delivered again");
      number = 0;
    }
  }
  MutexLock lock(mu_);
  acknowledged_ = number;
  return Status::Ok();
}

Status Spool::Recover() {
  std::map<uint64_t, std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(options_.folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.ends_with(".tmp")) ::unlink(at->path().c_str());
    if (const uint64_t sequence = SequenceOf(name)) found[sequence] = at->path().string();
  }
  if (error) return Failed("list", options_.folder);
  MutexLock work(work_mu_);
  MutexLock lock(mu_);
  for (const auto& [sequence, path] : found) {
    sequence_ = sequence;
    Status status;
    SegmentRef segment = Segment::Recover(path, &status);
    if (segment == nullptr) return status;
    next_ = std::max(next_, segment->first() + segment->count());
    if (segment->count() > 0) {
      segments_.push_back(std::move(segment));
    } else {
      ::unlink(path.c_str());
    }
  }
  next_ = std::max(next_, acknowledged_ + 1);
  durable_ = next_ - 1;  // Whoever reads them has had them synced, below.
  for (const SegmentRef& segment : segments_) {
    if (const Status status = segment->Sync(); !status.ok()) return status;
  }
  to_read_ = acknowledged_ + 1;
  Status status;
  spare_ = MakeSegment(&status);
  if (spare_ == nullptr) return status;
  if (!Turn()) return Status::Error(StatusKind::kInternal, "[metering] max_mb: no room to begin");
  SetLow();
  return Status::Ok();
}

std::string Spool::PathOf(uint64_t sequence) const {
  char name[40];
  std::snprintf(name, sizeof name, "%012llu", static_cast<unsigned long long>(sequence));
  return StrCat(options_.folder, "/", kBegin, name, kEnding);
}

Spool::SegmentRef Spool::MakeSegment(Status* status) {
  return Segment::Make(PathOf(++sequence_), options_.segment_bytes, status);
}

bool Spool::Turn() {
  if (spare_ == nullptr) return false;
  spare_->Begin(next_);
  segments_.push_back(std::move(spare_));
  spare_ = nullptr;
  turned_ = true;
  return true;
}

void Spool::SetLow() {
  const bool low = spare_ == nullptr && segments_.back()->room() < options_.reserve_bytes;
  if (low != low_.load(std::memory_order_relaxed)) low_.store(low, std::memory_order_relaxed);
}

bool Spool::Add(std::string_view record) {
  const uint32_t crc = Crc32c(record);
  bool turned = false;
  {
    MutexLock lock(mu_);
    if (record.size() > Segment::kMostRecord || record.empty() ||
        (!segments_.back()->HasRoom(record.size()) && !(turned = Turn()))) {
      ++dropped_;
      return false;
    }
    segments_.back()->Append(record, crc);
    ++next_;
    ++written_;
    SetLow();
  }
  if (turned) wake_.NotifyOne();
  return true;
}

// All that is there now.
void Spool::SyncAll() {
  std::vector<SegmentRef> dirty;
  uint64_t number = 0;
  {
    MutexLock lock(mu_);
    number = next_ - 1;
    if (number == durable_) return;
    for (const SegmentRef& segment : segments_) {
      if (segment->count() > 0 && segment->last() > durable_) dirty.push_back(segment);
    }
  }
  for (const SegmentRef& segment : dirty) {
    const Status status = segment->Sync();
    MutexLock lock(mu_);
    if (status.ok()) continue;
    ++sync_failures_;
    LogError("metering", "usage records may be lost if power fails: ", status.text,
             "; a new file is begun, look at the disk");
    if (segment == segments_.back()) (void)Turn();
  }
  {
    MutexLock lock(mu_);
    durable_ = number;
  }
  durable_wake_.NotifyAll();
}

// Nobody writes to what is not the last one.
void Spool::CloseOld() {
  std::vector<SegmentRef> old;
  {
    MutexLock lock(mu_);
    for (const SegmentRef& segment : segments_) {
      if (segment != segments_.back()) old.push_back(segment);
    }
  }
  for (const SegmentRef& segment : old) segment->Unmap();
}

void Spool::PrepareNext() {
  {
    MutexLock lock(mu_);
    turned_ = false;
    if (spare_ != nullptr || ended_) return;
    if (BytesOfSegments() + options_.segment_bytes > options_.max_bytes) {
      if (!std::exchange(told_full_, true)) {
        LogWarn("metering", "the store of usage records is nearly full: [metering] max_mb has no ",
                "room for a further file, and the sink has not taken what is there");
      }
      return;
    }
  }
  Status status;
  SegmentRef made = MakeSegment(&status);
  if (made == nullptr) {
    if (!std::exchange(told_full_, true)) {
      LogError("metering", "no further file for usage records: ", status.text);
    }
    return;
  }
  told_full_ = false;
  MutexLock lock(mu_);
  spare_ = std::move(made);
  SetLow();
}

void Spool::DeleteAcknowledged() {
  std::vector<SegmentRef> done;
  {
    MutexLock lock(mu_);
    while (segments_.size() > 1 &&
           (segments_.front()->count() == 0 || segments_.front()->last() <= acknowledged_)) {
      done.push_back(std::move(segments_.front()));
      segments_.pop_front();
    }
  }
  for (const SegmentRef& segment : done) ::unlink(segment->path().c_str());
}

uint64_t Spool::BytesOfSegments() const {
  uint64_t bytes = spare_ == nullptr ? 0 : spare_->size();
  for (const SegmentRef& segment : segments_) bytes += segment->size();
  return bytes;
}

void Spool::Work() {
  PrepareNext();
  SyncAll();
  CloseOld();
  DeleteAcknowledged();
  PrepareNext();
}

void Spool::Run() {
  for (;;) {
    {
      MutexLock work(work_mu_);
      Work();
    }
    const TimePoint next = std::chrono::steady_clock::now() + options_.sync_period;
    MutexLock lock(mu_);
    while (!ended_ && !turned_ && std::chrono::steady_clock::now() < next) {
      wake_.WaitUntil(mu_, next);
    }
    if (ended_) return;
  }
}

void Spool::Stop() {
  {
    MutexLock work(work_mu_);
    SyncAll();
  }
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  durable_wake_.NotifyAll();
}

// The one with that number, or the first after it. `end`: what of it may be read.
Spool::SegmentRef Spool::SegmentOf(uint64_t number, size_t* end) {
  for (const SegmentRef& segment : segments_) {
    if (segment->count() == 0 || segment->last() < number) continue;
    *end = segment->end();
    return segment;
  }
  return nullptr;
}

uint64_t Spool::Next(size_t most, size_t most_bytes, TimePoint until, const Take& take) {
  for (;;) {
    size_t end = 0;
    SegmentRef segment;
    uint64_t durable = 0;
    {
      MutexLock lock(mu_);
      while (to_read_ > durable_ && !stopping_ && std::chrono::steady_clock::now() < until) {
        durable_wake_.WaitUntil(mu_, until);
      }
      if (to_read_ > durable_) return 0;
      durable = durable_;
      segment = SegmentOf(to_read_, &end);
    }
    if (segment == nullptr) return 0;
    if (segment != reading_) {
      reading_ = segment;
      read_at_ = Segment::kHead;
    }
    uint64_t number = to_read_;
    if (read_at_ == Segment::kHead) number = segment->first();
    size_t taken = 0, bytes = 0;
    bool enough = false;
    read_at_ = Segment::Read(segment->fd(), read_at_, end, number,
                             [&](uint64_t found, std::string_view record) {
                               if (found < to_read_) return true;
                               enough = found > durable || taken >= most || bytes >= most_bytes;
                               if (enough) return false;
                               bytes += record.size();
                               ++taken;
                               take(found, record);
                               to_read_ = found + 1;
                               return true;
                             });
    if (taken > 0) return to_read_ - 1;
    if (enough) return 0;
    LogError("metering", segment->path(), " is broken at byte ", read_at_,
             ": the records after it are left out");
    MutexLock lock(mu_);
    ++broken_;
    to_read_ = std::min(segment->last(), durable_) + 1;
  }
}

Status Spool::Acknowledge(uint64_t number) {
  const std::string text = AcknowledgedText(number);
  const bool written = ::pwrite(acknowledged_file_.get(), text.data(), text.size(), 0) ==
                           static_cast<ssize_t>(text.size()) &&
                       ::fdatasync(acknowledged_file_.get()) == 0;
  MutexLock lock(mu_);
  acknowledged_ = std::max(acknowledged_, number);
  if (spare_ == nullptr) {
    turned_ = true;
    wake_.NotifyOne();
  }
  return written ? Status::Ok() : Failed("write", options_.folder + "/acknowledged");
}

Spool::Figures Spool::Report() const {
  MutexLock lock(mu_);
  Figures f;
  f.written = written_;
  f.dropped = dropped_;
  f.waiting = next_ - 1 - std::min(acknowledged_, next_ - 1);
  f.bytes = BytesOfSegments();
  f.max_bytes = options_.max_bytes;
  f.sync_failures = sync_failures_;
  f.broken = broken_;
  return f;
}

}  // namespace aiges
