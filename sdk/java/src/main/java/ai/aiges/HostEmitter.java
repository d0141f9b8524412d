// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The emitter of one session of the host. Where the host takes no callbacks ([aiges] asyncMode =
 * false), or the session answers by read(), what is emitted waits for the next read.
 */
final class HostEmitter implements Emitter {
  private static final int MOST_WAITING = 10_000;
  private static final String PROGRESS = "progress";

  private final byte[] tag;
  private final ArrayDeque<List<Payload>> waiting = new ArrayDeque<>(); // With this.
  private Throwable failure; // With this: for the next read.
  private boolean reads; // With this: what is emitted waits for read().
  private volatile boolean over;
  private volatile boolean progressed;

  HostEmitter(byte[] tag, boolean callsBack) {
    this.tag = tag;
    this.reads = !callsBack;
  }

  /** The session overrides read(): so progress must not end the host's reading. */
  boolean reads() {
    synchronized (this) {
      return reads;
    }
  }

  @Override
  public boolean emit(List<Payload> payloads) {
    if (over) {
      return false;
    }
    List<Payload> all = payloads;
    if (progressed && payloads.stream().anyMatch(Payload::isLast)) {
      progressed = false;
      all = new ArrayList<>(payloads); // Its stream ends, too: else the session would not.
      all.add(Payload.of(PROGRESS, "").with(Payload.Status.END));
    }
    synchronized (this) {
      if (reads) {
        return put(all);
      }
    }
    Writer writer = new Writer(null);
    writer.payloads(all);
    return Host.deliver(tag, writer.done(), false) == 0;
  }

  @Override
  public boolean fail(Throwable error) {
    if (over) {
      return false;
    }
    synchronized (this) {
      if (reads) {
        failure = error;
        return true;
      }
    }
    Writer writer = new Writer(null);
    Failure.write(writer, error, "the session failed with");
    return Host.deliver(tag, writer.done(), true) == 0;
  }

  boolean progress(double part, String text, boolean sessionReads) {
    String shown = String.format(java.util.Locale.ROOT, "%.3f", Math.max(0, Math.min(part, 1)));
    Payload item =
        new Payload(
            PROGRESS,
            Data.of(text.isEmpty() ? shown : shown + " " + text),
            Payload.Type.TEXT,
            Payload.Status.CONTINUE,
            Map.of());
    progressed = true;
    if (!sessionReads) {
      return emit(List.of(item));
    }
    synchronized (this) {
      return !over && put(List.of(item));
    }
  }

  /** What waits, and what read() has given behind it. */
  List<Payload> take(List<Payload> read) throws Throwable {
    synchronized (this) {
      if (failure != null) {
        throw failure;
      }
      if (waiting.isEmpty() && !progressed) {
        return read;
      }
      List<Payload> all = new ArrayList<>();
      for (List<Payload> each; (each = waiting.poll()) != null; ) {
        all.addAll(each);
      }
      all.addAll(read);
      if (progressed && all.stream().anyMatch(Payload::isLast)) {
        progressed = false;
        all.add(Payload.of(PROGRESS, "").with(Payload.Status.END));
      }
      return all;
    }
  }

  void close() {
    over = true;
  }

  private boolean put(List<Payload> payloads) {
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
