// SPDX-License-Identifier: Apache-2.0
// How a session ends: for its client, for its engine, for who is told of it.
#include <algorithm>
#include <utility>

#include "loader/api/codes.h"
#include "loader/scheduler/session_table.h"

namespace aiges {

void SessionTable::Close(SessionId id, Session& session, After* after) {
  if (std::exchange(session.nests, false)) after->nests.push_back(id);
  if (std::exchange(session.closing, true) || session.gone) return;
  if (!session.placed) {  // No engine knows of it.
    waiting_.erase(id);
    LetGo(session, after);
    return;
  }
  workers_.CloseSession(session.place, id);
  after->flush = true;
}

void SessionTable::DropInput(Session& session, After* after) {
  for (auto& [sync_id, packet] : session.early.TakeAll()) {
    input_bytes_ -= packet.bytes;
    if (packet.taken) after->taken.push_back(std::move(packet.taken));
  }
  session.gap_until = TimePoint::max();
}

void SessionTable::Finish(SessionId id, Session& session, bool remember, After* after) {
  if (std::exchange(session.over, true)) return;
  // Its client may open another as soon as it knows. What the engine still counts of one whose
  // client leaves before the end is the client's, too: that waits until the engine has let go.
  if (session.ended || session.gone || !session.failure.ok()) Account(session);
  DropOutput(session);
  DropInput(session, after);
  Close(id, session, after);
  handles_.Release(session.request.handle, remember);
}

void SessionTable::Account(Session& session) {
  if (std::exchange(session.accounted, true)) return;
  session.record.meters = std::move(session.meters);
  if (const auto allowance = std::move(session.allowance); allowance != nullptr) {
    allowance->Charge({session.record.bytes_in + session.record.bytes_out,
                       clock_.Now() - session.begun, session.record.meters.get()});
  }
  Keep(session.record, session.request.shown_id(), session.begun);
}

void SessionTable::DropOutput(Session& session) {
  session.output.clear();
  output_bytes_ -= std::exchange(session.output_bytes, 0);
}

void SessionTable::BoundOutput(After* after) {
  while (output_bytes_ > max_bytes_) {
    const auto most = std::max_element(
        sessions_.begin(), sessions_.end(),
        [](const auto& a, const auto& b) { return a.second.output_bytes < b.second.output_bytes; });
    const SessionId id = most->first;
    Session& session = most->second;
    Status status = Status::Error(
        StatusKind::kOverloaded,
        StrCat("output buffer full: the client has not taken ", session.output_bytes,
               " bytes of this session, and [queue] max_bytes = ", max_bytes_, " was passed"));
    DropOutput(session);
    session.ended = false;  // The end was in what is lost.
    Fail(id, session, std::move(status), nullptr, after);
    Settle(id);
  }
}

void SessionTable::Fail(SessionId id, Session& session, Status status, const SessionEvent* event,
                        After* after) {
  if (session.ended || !session.failure.ok()) return;
  CallRecord& record = session.record;
  record.code = CodeOf(status);
  record.instance = event == nullptr ? -1 : event->instance;
  ++report_.failures[record.code];
  record.failure = failures_.Add({FailureKind::kSession, record.code, record.instance,
                                  session.request.shown_id(), status.text,
                                  event == nullptr ? std::string_view() : event->detail});
  session.failure = std::move(status);
  DropInput(session, after);
  Close(id, session, after);
}

}  // namespace aiges
