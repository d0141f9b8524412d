// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The emitter of one session of the host. Where the host takes no callbacks ([aiges] asyncMode =
 * false), what is emitted waits for the next read.
 */
final class HostEmitter implements Emitter {
  private static final int MOST_WAITING = 10_000;

  private final byte[] tag;
  private final ArrayDeque<List<Payload>> waiting = new ArrayDeque<>(); // With this.
  private Throwable failure; // With this: for the next read.
  private final boolean reads; // What is emitted waits for read().
  private volatile boolean over;

  HostEmitter(byte[] tag, boolean callsBack) {
    this.tag = tag;
    this.reads = !callsBack;
  }

  @Override
  public boolean emit(List<Payload> payloads) {
    if (over) {
      return false;
    }
    if (reads) {
      return put(payloads);
    }
    Writer writer = new Writer(null);
    writer.payloads(payloads);
    return Host.deliver(tag, writer.done(), false) == 0;
  }

  @Override
  public boolean fail(Throwable error) {
    if (over) {
      return false;
    }
    if (reads) {
      synchronized (this) {
        failure = error;
      }
      return true;
    }
    Writer writer = new Writer(null);
    Failure.write(writer, error, "the session failed with");
    return Host.deliver(tag, writer.done(), true) == 0;
  }

  /** What waits, and what read() has given behind it. */
  List<Payload> take(List<Payload> read) throws Throwable {
    synchronized (this) {
      if (failure != null) {
        throw failure;
      }
      if (waiting.isEmpty()) {
        return read;
      }
      List<Payload> all = new ArrayList<>();
      for (List<Payload> each; (each = waiting.poll()) != null; ) {
        all.addAll(each);
      }
      all.addAll(read);
      return all;
    }
  }

  void close() {
    over = true;
  }

  private synchronized boolean put(List<Payload> payloads) {
    if (waiting.size() >= MOST_WAITING) {
      throw new IllegalStateException(
          "expected at most " + MOST_WAITING + " answers that were not read: the client is slower");
    }
    List<Payload> kept = new ArrayList<>(payloads.size());
    for (Payload each : payloads) {
      kept.add(
          new Payload(
              each.key(), each.data().keep(), each.type(), each.status(), each.attributes()));
    }
    return waiting.add(kept);
  }
}
