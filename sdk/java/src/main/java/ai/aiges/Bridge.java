// SPDX-License-Identifier: Apache-2.0
package ai.aiges;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the host calls: one function for each of the C ABI (wrapper/java/upcalls.h).
 *
 * <p>Each gets a buffer with what is asked, and large payloads beside it, and writes its answer
 * over the buffer: a code, then the result or the failure. Nothing is thrown across.
 */
final class Bridge {
  private static final int INIT_ERROR = 30001;
  private static final int USER_INIT_ERROR = 30002;
  // As the traits of include/aiges/wrapper.h.
  private static final int SESSIONS = 1;
  private static final int BATCH = 8;
  private static final int RESOURCES = 16;
  private static final int READ_OR_CALLBACK = 64;

  private static volatile Engine engine;
  private static final Map<Long, Live> sessions = new ConcurrentHashMap<>();
  private static final AtomicLong numbers = new AtomicLong();

  private record Live(Session session, HostEmitter emitter) {}

  private Bridge() {}

  /** What a hook does with its question and its answer. */
  private interface Body {
    void run(Reader in, Writer out) throws Throwable;
  }

  private static Object guarded(ByteBuffer buffer, Object[] large, String hook, Body body) {
    Data.Lease lease = new Data.Lease();
    Writer out = new Writer(buffer);
    try {
      body.run(new Reader(buffer, large, lease), out);
      return out.done();
    } catch (Throwable error) {
      out.reset();
      Failure.write(out, error, hook + " raised");
      return out.done();
    } finally {
      lease.end();
    }
  }

  /** In: the jar, the class that is named or "", pairs of configuration. Out: traits, version. */
  static Object start(ByteBuffer buffer, Object[] large) {
    Writer out = new Writer(buffer);
    String stage = "";
    try {
      Reader in = new Reader(buffer, large, null);
      String jar = in.text();
      String named = in.text();
      Map<String, String> config = in.pairs();
      stage = "the engine's constructor";
      Engine made = EngineClass.find(jar, named);
      stage = "init";
      made.init(config);
      engine = made;
      Failure.ok(out);
      out.number(traitsOf(made));
      out.text("java " + System.getProperty("java.version") + ", " + EngineClass.fileName(jar));
      return out.done();
    } catch (EngineClass.NotFound notFound) {
      out.reset();
      Failure.write(out, INIT_ERROR, 0, notFound.getMessage(), "");
      return out.done();
    } catch (Throwable error) {
      return failedStart(out, error, stage);
    }
  }

  private static Object failedStart(Writer out, Throwable error, String stage) {
    out.reset();
    String stack = Failure.stackOf(error);
    System.err.println(stage + " raised " + stack);
    Failure.write(out, USER_INIT_ERROR, 0, stage + " raised " + Failure.shown(error), stack);
    return out.done();
  }

  private static int traitsOf(Engine made) throws NoSuchMethodException {
    int traits = 0;
    if (has(made, "create", Context.class, Params.class, Emitter.class)) {
      traits |= SESSIONS | READ_OR_CALLBACK;
    }
    if (has(made, "execBatch", List.class)) {
      traits |= BATCH;
    }
    if (has(made, "loadResource", int.class, Payload.class)) {
      traits |= RESOURCES;
    }
    return traits;
  }

  private static boolean has(Object made, String hook, Class<?>... types)
      throws NoSuchMethodException {
    Class<?> owner = made.getClass().getMethod(hook, types).getDeclaringClass();
    return owner != Engine.class;
  }

  static Object warmUp(ByteBuffer buffer, Object[] large) {
    Writer out = new Writer(buffer);
    try {
      engine.warmUp();
      Failure.ok(out);
      return out.done();
    } catch (Throwable error) {
      return failedStart(out, error, "warmUp");
    }
  }

  static Object schema(ByteBuffer buffer, Object[] large) {
    return guarded(
        buffer,
        large,
        "schema",
        (in, out) -> {
          String schema = engine.schema();
          Failure.ok(out);
          out.text(schema == null ? "" : schema);
        });
  }

  static Object exec(ByteBuffer buffer, Object[] large) {
    Data.Lease lease = new Data.Lease();
    Writer out = new Writer(buffer);
    try {
      Call call = call(new Reader(buffer, large, lease));
      List<Payload> answer = engine.exec(call.context(), call.params(), call.input());
      Failure.ok(out);
      out.payloads(checked(answer, "exec"));
    } catch (Throwable error) {
      out.reset();
      Failure.write(out, error, "exec raised");
    }
    try {
      return out.done();
    } finally {
      lease.end();
    }
  }

  private static Call call(Reader in) {
    byte[] tag = in.name();
    Params params = params(in);
    List<Integer> resources = in.numbers();
    return new Call(new HostContext(tag, params, resources), params, in.payloads());
  }

  private static Params params(Reader in) {
    Map<String, String> pairs = in.pairs();
    return pairs.isEmpty() ? Params.NONE : new Params(pairs);
  }

  private static List<Payload> checked(List<Payload> answer, String hook) {
    return Objects.requireNonNull(answer, () -> hook + ": expected a list of payloads, got null");
  }

  /** In: how many calls, and each. Out: for each its answer. */
  static Object execBatch(ByteBuffer buffer, Object[] large) {
    return guarded(
        buffer,
        large,
        "execBatch",
        (in, out) -> {
          int count = in.number();
          List<Call> calls = new ArrayList<>(count);
          for (int i = 0; i < count; i++) {
            calls.add(call(in));
          }
          List<Answer> answers = engine.execBatch(Collections.unmodifiableList(calls));
          if (answers == null || answers.size() != count) {
            String got = answers == null ? "null" : String.valueOf(answers.size());
            throw new IllegalStateException(
                "expected one answer for each of " + count + " calls, got " + got);
          }
          Failure.ok(out);
          for (Answer answer : answers) {
            Objects.requireNonNull(answer, "expected an answer for each call, got null");
            if (answer.error() != null) {
              Failure.write(out, answer.error(), "execBatch:");
            } else {
              Failure.ok(out);
              out.payloads(answer.output());
            }
          }
        });
  }

  /** In: tag, params, resources, whether there is a callback. Out: the session's number. */
  static Object create(ByteBuffer buffer, Object[] large) {
    return guarded(
        buffer,
        large,
        "create",
        (in, out) -> {
          byte[] tag = in.name();
          Params params = params(in);
          List<Integer> resources = in.numbers();
          HostContext context = new HostContext(tag, params, resources);
          HostEmitter emitter = new HostEmitter(context.named(), in.number() != 0);
          Session session;
          try {
            session = engine.create(context, params, emitter);
            Objects.requireNonNull(session, "create: expected a session, got null");
          } catch (Throwable error) {
            emitter.close();
            throw error;
          }
          long number = numbers.incrementAndGet();
          sessions.put(number, new Live(session, emitter));
          Failure.ok(out);
          out.longNumber(number);
        });
  }

  private static Live live(long number) {
    Live found = sessions.get(number);
    return Objects.requireNonNull(found, "expected a session that is open");
  }

  static Object write(ByteBuffer buffer, Object[] large) {
    return guarded(
        buffer,
        large,
        "write",
        (in, out) -> {
          live(in.longNumber()).session().write(in.payloads());
          Failure.ok(out);
        });
  }

  static Object read(ByteBuffer buffer, Object[] large) {
    return guarded(
        buffer,
        large,
        "read",
        (in, out) -> {
          Live live = live(in.longNumber());
          List<Payload> read = checked(live.session().read(), "read");
          List<Payload> all = live.emitter().take(read);
          Failure.ok(out);
          out.payloads(all);
        });
  }

  static Object destroy(ByteBuffer buffer, Object[] large) {
    return guarded(
        buffer,
        large,
        "destroy",
        (in, out) -> {
          Live live = sessions.remove(in.longNumber());
          live.emitter().close();
          live.session().destroy();
          Failure.ok(out);
        });
  }

  static Object loadResource(ByteBuffer buffer, Object[] large) {
    return guarded(
        buffer,
        large,
        "loadResource",
        (in, out) -> {
          int id = in.number();
          List<Payload> data = in.payloads();
          engine.loadResource(id, data.isEmpty() ? Payload.of("", "") : data.get(0));
          Failure.ok(out);
        });
  }

  static Object unloadResource(ByteBuffer buffer, Object[] large) {
    return guarded(
        buffer,
        large,
        "unloadResource",
        (in, out) -> {
          engine.unloadResource(in.number());
          Failure.ok(out);
        });
  }

  /**
   * In: how many ms the end may take. The engine's own end, then that of the JVM: its shutdown
   * hooks run, as those of libraries that remove their files. Ends the process, unless that hangs.
   */
  static Object close(ByteBuffer buffer, Object[] large) {
    return guarded(
        buffer,
        large,
        "close",
        (in, out) -> {
          long until = System.nanoTime() + in.longNumber() * 1_000_000;
          try {
            if (engine != null) {
              engine.close();
            }
          } catch (Throwable error) {
            System.err.println("close raised " + Failure.stackOf(error));
          }
          System.out.flush();
          System.err.flush();
          Thread exit = new Thread(() -> Runtime.getRuntime().exit(0), "aiges-exit");
          exit.setDaemon(true);
          exit.start();
          exit.join(Math.max(1, (until - System.nanoTime()) / 1_000_000));
          Failure.ok(out);
        });
  }
}
