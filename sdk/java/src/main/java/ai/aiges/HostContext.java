// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;

/** A call of the host. Asks it by the call's tag, each time. */
final class HostContext implements Context {
  private static final String CALLER = ":caller";
  private static final String TRACEPARENT = "traceparent";

  private final byte[] named;
  private final Params params;
  private final List<Integer> resources;

  HostContext(byte[] named, Params params, List<Integer> resources) {
    this.named = named;
    this.params = params;
    this.resources = resources;
  }

  /** As a C string. */
  static byte[] name(String text) {
    return (text.replace("\0", "\\x00") + "\0").getBytes(StandardCharsets.UTF_8);
  }

  byte[] named() {
    return named;
  }

  @Override
  public String tag() {
    return new String(named, 0, named.length - 1, StandardCharsets.UTF_8);
  }

  @Override
  public String caller() {
    return params.get(CALLER, "");
  }

  @Override
  public String traceparent() {
    return params.get(TRACEPARENT, "");
  }

  @Override
  public List<Integer> resources() {
    return resources;
  }

  @Override
  public Optional<Duration> remaining() {
    long left = Host.state(named) >> 1;
    return left < 0 ? Optional.empty() : Optional.of(Duration.ofMillis(left));
  }

  @Override
  public boolean cancelled() {
    return (Host.state(named) & 1) != 0;
  }

  @Override
  public Answers stream(
      String model, Map<String, String> params, List<Payload> input, boolean session) {
    int colon = model.indexOf(':');
    Writer writer = new Writer(null);
    writer.text(colon < 0 ? model : model.substring(0, colon));
    writer.text(colon < 0 ? "" : model.substring(colon + 1));
    writer.pairs(params);
    writer.payloads(input);
    long call = Host.callModel(named, writer.done(), session);
    if (call == 0) {
      throw new UnsupportedException("this host has no calls of other models");
    }
    return new HostAnswers(model, call);
  }

  @Override
  public void meter(String key, int count) {
    Host.meter(named, name(key), count);
  }

  @Override
  public void trace(String key, String value) {
    Host.trace(named, name(key), name(value));
  }

  /** Answers of another model. */
  private static final class HostAnswers implements Answers {
    private final String model;
    private final long call;
    private List<Payload> next;
    private boolean last;
    private boolean closed;

    HostAnswers(String model, long call) {
      this.model = model;
      this.call = call;
    }

    @Override
    public boolean hasNext() {
      if (next != null || last || closed) {
        return next != null;
      }
      Object[] came = Host.callNext(call);
      if (came == null) {
        last = true;
        return false;
      }
      Reader reader = new Reader(ByteBuffer.wrap((byte[]) came[0]), (Object[]) came[1], null);
      int code = reader.number();
      int errorClass = reader.number();
      last = reader.number() != 0;
      String text = reader.text();
      List<Payload> payloads = reader.payloads();
      if (code != 0) {
        last = true;
        throw new CallFailedException(model, code, errorClass, text);
      }
      next = payloads;
      return true;
    }

    @Override
    public List<Payload> next() {
      if (!hasNext()) {
        throw new NoSuchElementException("the call of " + model + " has given its last answer");
      }
      List<Payload> given = next;
      next = null;
      return given;
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        Host.callEnd(call);
      }
    }
  }
}
