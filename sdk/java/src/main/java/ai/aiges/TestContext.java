// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A context for unit tests of an engine, without a host: somebody always waits, until {@link
 * #cancel}. Other models are other engines in the same test. Thread-safe but for its setters.
 */
public final class TestContext implements Context {
  // The host's codes for a model that is not there, and for an exec that has failed.
  private static final int NO_MODEL = 10106;
  private static final int EXEC_FAILED = 10909;
  private static final int NOT_FOUND = 2; // The class.

  private final Map<String, Engine> models = new ConcurrentHashMap<>();
  private final Map<String, Integer> meters = new ConcurrentHashMap<>();
  private final List<String> said = new ArrayList<>(); // With itself.
  private List<Integer> resources = List.of();
  private volatile Duration remaining;
  private volatile boolean cancelled;

  /** A call that nobody has cancelled, without a deadline. */
  public TestContext() {}

  /**
   * Adds a model that the engine may call.
   *
   * @param name its name
   * @param engine what answers
   * @return this
   */
  public TestContext withModel(String name, Engine engine) {
    models.put(name, engine);
    return this;
  }

  /**
   * Says what is left of the time.
   *
   * @param left null: there is no deadline
   * @return this
   */
  public TestContext withRemaining(Duration left) {
    remaining = left;
    return this;
  }

  /**
   * Says which resources the request names.
   *
   * @param ids their numbers
   * @return this
   */
  public TestContext withResources(List<Integer> ids) {
    resources = List.copyOf(ids);
    return this;
  }

  /** From now on nobody waits. */
  public void cancel() {
    cancelled = true;
  }

  /**
   * What was counted.
   *
   * @return a copy: by key
   */
  public Map<String, Integer> meters() {
    return new LinkedHashMap<>(meters);
  }

  /**
   * What was traced, in order: "key=value".
   *
   * @return a copy
   */
  public List<String> said() {
    synchronized (said) {
      return List.copyOf(said);
    }
  }

  @Override
  public String tag() {
    return "test";
  }

  @Override
  public List<Integer> resources() {
    return resources;
  }

  @Override
  public Optional<Duration> remaining() {
    return Optional.ofNullable(remaining);
  }

  @Override
  public boolean cancelled() {
    return cancelled || (remaining != null && remaining.isNegative());
  }

  @Override
  public Answers stream(
      String model, Map<String, String> params, List<Payload> input, boolean session) {
    Engine engine = models.get(model);
    if (engine == null) {
      throw new CallFailedException(model, NO_MODEL, NOT_FOUND, "unknown model in this test");
    }
    List<Payload> answer;
    try {
      answer = engine.exec(this, new Params(params), input);
    } catch (CallException e) {
      throw new CallFailedException(model, EXEC_FAILED, e.errorClass(), e.getMessage());
    } catch (Exception e) {
      throw new CallFailedException(model, EXEC_FAILED, 0, e.toString());
    }
    Iterator<List<Payload>> one = List.of(answer).iterator();
    return new Answers() {
      @Override
      public boolean hasNext() {
        return one.hasNext();
      }

      @Override
      public List<Payload> next() {
        return one.next();
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public void meter(String key, int count) {
    meters.merge(key, count, Integer::sum);
  }

  @Override
  public void trace(String key, String value) {
    synchronized (said) {
      said.add(key + "=" + value);
    }
  }
}
